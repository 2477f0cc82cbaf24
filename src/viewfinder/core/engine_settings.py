"""The settings that an engine is started with: for all models (`[engine]`), and for one of them
(`[engine_for.MODEL]`); read with the others by `core/config`."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MOST_CONTEXT_TOKENS = 2**24
MOST_SLOTS, MOST_THREADS = 256, 512
"""llama.cpp aborts on more of either (LLAMA_MAX_SEQ, GGML_MAX_N_THREADS)."""
LEAST_BATCH, MOST_BATCH = 32, 2**16
"""Of tokens: fewer at once are slower than one by one, and no engine takes more."""
MOST_GPU_LAYERS = 10_000
WHEEL = Path("wheel")
"""In place of a program for one model: llama.cpp of the wheel."""
_SWITCH = {True: "on", False: "off", "true": "on", "false": "off"}


def _layers(value: object) -> int | str:
    text = str(value)
    if text in ("auto", "all"):
        return text
    if isinstance(value, bool) or not text.isdecimal() or int(text) > MOST_GPU_LAYERS:
        raise ValueError(f'"auto", "all" or a number of layers up to {MOST_GPU_LAYERS} is expected')
    return int(text)


def _switch(value: object) -> object:
    return _SWITCH.get(value, value) if isinstance(value, bool | str) else value


def _batch(tokens: int) -> int:
    if 0 < tokens < LEAST_BATCH:
        raise ValueError(f"it is 0 (the engine's default) or at least {LEAST_BATCH} tokens")
    return tokens


def _word(word: str) -> str:
    """One word of a command line."""
    if not word or "\0" in word:
        raise ValueError("a word of a command line is neither empty nor has it a NUL")
    if word.startswith("-") and " " in word:
        words = ", ".join(f'"{one}"' for one in word.split(maxsplit=1))
        raise ValueError(f"write each word as an item of its own: {words}")
    return word


GpuLayers = Annotated[int | Literal["auto", "all"], BeforeValidator(_layers)]
FlashAttention = Annotated[Literal["auto", "on", "off"], BeforeValidator(_switch)]
CacheType = Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"]
TokenBatch = Annotated[int, Field(ge=0, le=MOST_BATCH), AfterValidator(_batch)]
Words = tuple[Annotated[str, AfterValidator(_word)], ...]

OPTIONS = ("gpu_layers", "flash_attention", "cache_type", "batch", "micro_batch", "args")
"""The settings that not every engine has (`Engine.options`)."""


class EngineSettings(BaseModel):
    """The settings that an engine is started with."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    context_tokens: int = Field(
        4096,
        gt=0,
        le=MOST_CONTEXT_TOKENS,
        description="of each slot; never more than the model was trained for",
    )
    slots: int = Field(
        2, gt=0, le=MOST_SLOTS, description="requests that one server process answers at the same time"
    )
    threads: int = Field(0, ge=0, le=MOST_THREADS, description="0: the number of physical cores")
    start_timeout_s: float = Field(
        120.0, gt=0, description="a start that shows no progress for this long has failed"
    )
    image_tokens: int = Field(
        0, ge=0, le=MOST_CONTEXT_TOKENS, description="the most tokens for one image; 0: the model's default"
    )
    gpu_layers: GpuLayers = Field(
        "auto",
        description="llama.cpp: layers of the model that are put on the GPU: a number, `auto` or `all`",
    )
    flash_attention: FlashAttention = Field(
        "auto", description="llama.cpp: `on`, `off`, or `auto` (where the device has it)"
    )
    cache_type: CacheType = Field(
        "f16",
        description="llama.cpp: the type of the context's keys and values: f32, f16, bf16, q8_0, q5_1, q5_0, "
        "q4_1, q4_0 or iq4_nl; q8_0 takes about half the memory of f16",
    )
    batch: TokenBatch = Field(
        0, description="llama.cpp: tokens of prompts that are read together, at least 32; 0: its default"
    )
    micro_batch: TokenBatch = Field(
        0,
        description="llama.cpp: tokens that are computed at once, at most `batch`; 0: its default. "
        "More need more memory; some models need as many as an image has tokens",
    )
    args: Words = Field(
        (), description="more words for the command line of `llama_server`, each an item of its own"
    )
    remote_code: tuple[str, ...] = Field(
        (), description="models whose publisher's Python code may run, at the commit that their card pins"
    )
    llama_server: Path | None = Field(
        None,
        description="path of a native llama-server, used instead of the wheel's llama.cpp; none: that of "
        "`viewfinder engine`, if one is used",
    )

    def chosen_options(self) -> dict[str, Any]:
        """The options that differ from their defaults, as JSON has them."""
        plain = _PLAIN.model_dump(mode="json")
        own = self.model_dump(mode="json", include=set(OPTIONS))
        return {name: own[name] for name in OPTIONS if own[name] != plain[name]}


class EngineChanges(BaseModel):
    """The settings of one model's engine that differ from `[engine]`; None: the same."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    context_tokens: int | None = Field(None, gt=0, le=MOST_CONTEXT_TOKENS)
    slots: int | None = Field(None, gt=0, le=MOST_SLOTS)
    threads: int | None = Field(None, ge=0, le=MOST_THREADS)
    start_timeout_s: float | None = Field(None, gt=0)
    image_tokens: int | None = Field(None, ge=0, le=MOST_CONTEXT_TOKENS)
    gpu_layers: GpuLayers | None = None
    flash_attention: FlashAttention | None = None
    cache_type: CacheType | None = None
    batch: TokenBatch | None = None
    micro_batch: TokenBatch | None = None
    args: Words | None = Field(None, description="in place of those under [engine]")
    llama_server: Path | None = Field(
        None, description='another native llama-server than under [engine]; "wheel": none'
    )

    def over(self, engine: EngineSettings) -> EngineSettings:
        """The settings of the model, whose others are those under [engine]."""
        changes = self.model_dump(exclude_none=True)
        if self.llama_server == WHEEL:
            changes["llama_server"] = None
        return engine.model_copy(update=changes)


_PLAIN = EngineSettings()
