"""One file for each death of an engine: what ran, how it ended, and what it was doing; written by `fleet`.

The file can be attached to a bug report: it has the sizes of requests but not their content, and the keys of
the command are masked.
"""

import json
import logging
import os
import platform
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from viewfinder.core.errors import BadRequest
from viewfinder.core.paths import private
from viewfinder.core.version import VERSION
from viewfinder.fleet.record.request_shape import RequestShape
from viewfinder.host.child import Exit
from viewfinder.host.output import visible

LAST_LINES = 40
CURVE_POINTS = 200
KEPT_FILES = 50
"""The number of files that are kept in the folder; the oldest are deleted."""

KEY = r"[A-Za-z_-]*(?:key|token|secret|password)"
KEY_IN_JSON = re.compile(rf'("{KEY}"\s*:\s*")[^"]*')

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PostMortem:
    """What is known of a process that ended unexpectedly.

    `reason` is the fleet's explanation, `exit` how the process itself ended. `up_s` None: it was never ready.
    `memory` has pairs of (seconds since its start, footprint in bytes), oldest first. `requests` were in
    progress. `known_issue` describes an issue of the catalog that ends a process in this way.
    """

    model: str
    variant: str
    engine: str
    engine_version: str
    command: Sequence[str]
    pid: int
    exit: Exit
    reason: str
    up_s: float | None
    last_words: str
    memory: Sequence[tuple[float, int]] = ()
    requests: Sequence[RequestShape] = ()
    known_issue: str = ""


def write_post_mortem(folder: Path, death: PostMortem, *, at: datetime | None = None) -> Path | None:
    """Write the file, whole or not at all, and return it; None when it cannot be written."""
    at = at or datetime.now(UTC)
    name = f"{_tidy(death.model)}-{at:%Y%m%dT%H%M%S.%f}Z-{death.pid}.json"
    draft = folder / f"{name}.new"
    try:
        private(folder)
        draft.write_text(json.dumps(as_json(death, at), indent=2) + "\n")
        file = draft.replace(folder / name)
        _keep_newest(folder)
    except (OSError, BadRequest) as error:
        _log.warning("The post-mortem of '%s' could not be written: %s", death.model, error)
        with suppress(OSError):
            draft.unlink()
        return None
    return file


def as_json(death: PostMortem, at: datetime) -> dict[str, object]:
    """The content of the file, in plain types."""
    return {
        "model": death.model,
        "variant": death.variant,
        "at": at.isoformat(timespec="milliseconds"),
        "pid": death.pid,
        "reason": death.reason,
        "up_s": None if death.up_s is None else round(death.up_s, 3),
        "exit": {**asdict(death.exit), "explanation": death.exit.explanation},
        "known_issue": death.known_issue,
        "command": without_keys(death.command),
        "versions": {
            death.engine: death.engine_version,
            "viewfinder": VERSION,
            "python": platform.python_version(),
            "system": platform.platform(),
        },
        "requests": [asdict(shape) for shape in death.requests],
        "memory": [[round(at_s, 3), size_bytes] for at_s, size_bytes in thinned(death.memory)],
        "last_lines": [visible(line) for line in death.last_words.splitlines()[-LAST_LINES:]],
    }


def thinned(curve: Sequence[tuple[float, int]], most: int = CURVE_POINTS) -> list[tuple[float, int]]:
    """At most `most` points at even distances; the last point is always one of them."""
    every = -(-len(curve) // most) or 1
    return list(curve[::-1][::every][::-1])


def without_keys(command: Sequence[str]) -> list[str]:
    """The command with every key and token masked, as the value of an option or in JSON."""
    shown: list[str] = []
    for word in command:
        option, equals, _ = word.partition("=")
        if equals and _is_key(option):
            shown.append(f"{option}=***")
        else:
            shown.append("***" if shown and _is_key(shown[-1]) else KEY_IN_JSON.sub(r"\1***", word))
    return shown


def _is_key(word: str) -> bool:
    return re.fullmatch(rf"--?{KEY}", word) is not None


def _keep_newest(folder: Path) -> None:
    """By the age of the files, because their names begin with the model."""
    files = sorted(folder.glob("*.json"), key=os.path.getmtime, reverse=True)
    for old in files[KEPT_FILES:]:
        old.unlink(missing_ok=True)


def _tidy(name: str) -> str:
    """The name with only those characters that a file name may have on every system."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[:80]
