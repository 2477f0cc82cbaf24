"""What may be kept of a line that an engine prints while it serves: nothing in which a request is repeated.

Called by `Engine.kept`. llama.cpp prints patterns, grammars and parts of prompts, Python's libraries whatever
an exception says. So a line is kept only as far as it has a shape from here: the head of a log line with the
words of an engine's own figures, up to the first other word; or what an engine that crashes prints.
"""

import builtins
import re

CUT_MARK = "..."

_HEAD = re.compile(
    r"[\d.]+ [A-Z] (?: *\w+ +[\w()~]+:)?"  # llama.cpp: time, level, component, function
    r"|(?:ggml|llama|clip|mtmd|gguf)_\w+(?:\(\))?:"
    r"|(?:CUDA|ROCm|Metal|Vulkan) error:"
)
_WORD = re.compile(r"[^\W\d]\w*")
_WORDS_OF_FIGURES = """
    a abort aborting access active address alloc allocate allocated allocating allocation an and at
    attention available backend based batch been begin bf16 buf buffer buffers by bytes cache call cancel
    chat checkpoint checkpoints child clear cleared command compute computing context could count cpu
    created creating ctx cuda cudaMalloc current data decode decoded decoding detected device done driver
    each embedding embeddings encode encoded encoding encountered end enough error eval evaluate exceeded
    exception exit f_keep f_sim_best failed fallback find for format found free freed from full GB get GiB
    got gpu grammar graph graphs has have id id_slot id_task idle illegal image images in index initialize
    initialized input insufficient internal invalid is is_child it KB keep kernel KiB kv launch launched
    layer LCP least left limit loaded loading long longer LRU max MB memory metal MiB min model ms n_batch
    n_ctx n_ctx_slot n_decoded n_past n_swa n_tokens need new no not now null of on one or out output
    params peg per pool pos print process processed processing progress prompt queue range recursion
    rejected release request requested reset restored reused room running s sampler schema second seconds
    selected seq sequence server set shift short similarity size skip slice slices slot slots space
    speculative speed status stop stopped stopping stream swa sync t t_last task tasks tg thold thread
    threads time timed timeout timing to token tokens too total truncated try unable unsupported update
    updated used using vision VRAM wait waiting warming was while with
"""
_FIGURES = frozenset(_WORDS_OF_FIGURES.split())
_EXCEPTIONS = "|".join(
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, Exception)
)
_CRASHES = re.compile(
    r"Traceback \(most recent call last\):"
    r'|  File "[^"]+\.py", line \d+, in [\w<>]+'
    rf"|(?:\w+\.){{0,4}}(?:{_EXCEPTIONS}|OutOfMemoryError|AcceleratorError)(?=:|$)"
    r"|(?:[\w./-]+\.(?:c|cc|cpp|cu|cuh|h|m|metal):\d+: )?GGML_(?:ASSERT\([^\"]{1,120}\) failed|ABORT)"
    r"|[\w./-]+\.(?:c|cc|cpp|cu|cuh|h|m|metal):\d+:"
    r"|terminate called (?:after throwing an instance of '[\w:]+'|without an active exception)"
    r"|  what\(\):"
    r"|(?:Segmentation fault|Aborted|Killed|Bus error|Illegal instruction)(?= \(core dumped\)|$)"
    r"|g\+\+: (?:command )?not found"
)


def without_requests(line: str) -> str:
    """The part of a line that may be kept, empty when there is none; what is missing is marked."""
    if head := _HEAD.match(line):
        if _FIGURES.issuperset(_WORD.findall(line, head.end())):  # nearly every line
            return line
        others = (word for word in _WORD.finditer(line, head.end()) if word[0] not in _FIGURES)
        return f"{line[: next(others).start()].rstrip()} {CUT_MARK}"
    if crash := _CRASHES.match(line):
        return crash[0] if crash.end() == len(line) else f"{crash[0]} {CUT_MARK}"
    return ""
