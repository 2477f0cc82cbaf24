"""What llama.cpp's log says about a start that failed; pure, called by `llama_cpp`.

Its errors are the lines of level E. The first names the cause; those after it, up to the last one ("Failed to
init server"), only say where it was noticed.
"""

import re

_ERROR = re.compile(r"^(?:[\d.]+ )?E (\S.*)$", re.MULTILINE)
_ABORT = re.compile(
    r"^(?:[\d.]+ )?((?:\S+\.(?:c|cc|cpp|cu|h|m|mm):\d+:.*|.*\bGGML_(?:ASSERT|ABORT)\b.*|\s*what\(\):.*))$",
    re.MULTILINE,
)
_OF_THE_FILES = re.compile(
    r"unknown model architecture|unknown (pre-)?tokenizer|unknown projector|mismatch between"
    r"|missing tensor|duplicated tensor|wrong shape|wrong number of tensors|key not found in model"
    r"|cannot be used as main model|Failed to load CLIP model|no longer supported|bad GGUF version"
    r"|endianness|invalid magic|invalid split|illegal split|not within the file bounds"
    r"|invalid ggml type|failed to read (header|key-value|tensor)"
)
"""What is wrong with the files themselves; a lack of memory or of a device is not."""


def reason(log: str) -> str:
    """The line that says why it ended; empty when there is none."""
    found = _ABORT.search(log) or _ERROR.search(log)
    return " ".join(found[1].split()) if found else ""


def is_of_the_files(line: str) -> bool:
    """Whether it would end for this reason at every start with these files."""
    return _OF_THE_FILES.search(line) is not None
