"""What may be changed of a model's engine here, and in which order it is tried; pure, called by `api`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from viewfinder.catalog.card import Variant
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.measure.measures.resolution.ask import sizes_of
from viewfinder.measure.tuning.candidate import IMAGE_TOKENS, LLAMA_SERVER, LONGEST_PX

BATCH, MICRO_BATCH = 2048, 512
"""llama.cpp's own."""
LEAST_PROMPT_TOKENS = 256
"""With shorter prompts, the type of the cache decides nothing."""
_QUANTIZED = ("q", "iq")


@dataclass(frozen=True, slots=True)
class TuneAxis:
    """One setting. Each branch has values in one direction from the present one: when a value is no gain,
    those beyond it are left out.

    `is_exact`: it decides the order of computations only, so that answers should stay the same. `is_budget`:
    what is left of a picture, the least first: the first value with answers as good is the fastest such.
    `least_tokens`: of the values that matter for longer prompts only, how long those are.
    """

    name: str
    branches: tuple[tuple[Any, ...], ...]
    is_exact: bool = True
    is_budget: bool = False
    least_tokens: Mapping[Any, int] = field(default_factory=dict)

    @property
    def values(self) -> list[Any]:
        return [value for branch in self.branches for value in branch]

    def usable(self, branch: tuple[Any, ...], prompt_tokens: float) -> tuple[Any, ...]:
        """The values of a branch that matter for prompts of this length."""
        return tuple(value for value in branch if self.least_tokens.get(value, 0) <= prompt_tokens)


@dataclass(frozen=True, slots=True)
class TuningSpace:
    """The axes, those of the largest expected effect first; `left_out` says why others are not tried."""

    axes: tuple[TuneAxis, ...]
    left_out: dict[str, str]


def space(
    variant: Variant,
    now: EngineSettings,
    options: Collection[str],
    *,
    cores: tuple[int, int],
    prompt_tokens: int,
    clients: int = 1,
    budget: str = "",
    programs: Sequence[str] = (),
) -> TuningSpace:
    """The axes for an engine with these options. `cores` are physical and logical ones, `prompt_tokens` those
    of a question with its picture, `clients` ask at the same time; `budget` is why the image budget is not
    tried (empty: it is), and `programs` are the other builds of the engine."""
    found = [_budget(variant, budget), _build(now, programs), _threads(now, cores)]
    if clients > 1:
        found.append(_slots(now, clients))
    found += [
        one
        for name, one in (
            ("flash_attention", _flash_attention(now)),
            ("micro_batch", _micro_batch(now, prompt_tokens)),
            ("batch", _batch(now, prompt_tokens)),
            ("cache_type", _cache_type(now, prompt_tokens)),
        )
        if name in options
    ]
    left_out = dict(one for one in found if isinstance(one, tuple))
    return TuningSpace(tuple(one for one in found if isinstance(one, TuneAxis)), left_out)


def _budget(variant: Variant, why_not: str) -> TuneAxis | tuple[str, str]:
    if why_not or not variant.vision:
        return "image budget", why_not or "the model takes no pictures"
    if variant.image_lever == "image_tokens":
        smaller: Sequence[int] = variant.image_budgets
        name = IMAGE_TOKENS
    else:
        smaller, name = sizes_of(variant)[:-1], LONGEST_PX
    if not smaller:
        return "image budget", "its card names no smaller one"
    return TuneAxis(name, (tuple(smaller),), is_exact=False, is_budget=True)


def _build(now: EngineSettings, programs: Sequence[str]) -> TuneAxis | tuple[str, str]:
    if now.args and programs:
        return "engine build", "args are for the one that you named"
    if not programs:
        return "engine build", "there is one"
    return TuneAxis(LLAMA_SERVER, tuple((program,) for program in programs), is_exact=False)


def _threads(now: EngineSettings, cores: tuple[int, int]) -> TuneAxis | tuple[str, str]:
    physical, logical = cores
    wanted = {logical, physical, 3 * physical // 4, physical // 2, physical // 4 if physical >= 16 else 0}
    wanted |= {1} if physical <= 4 else set()
    branches = _both_ways(wanted - {0}, now.threads or physical)
    return TuneAxis("threads", branches) if branches else ("threads", "there is one core")


def _slots(now: EngineSettings, clients: int) -> TuneAxis | tuple[str, str]:
    branches = _both_ways({one for one in (1, 2, 4, 8, 16) if one <= clients}, now.slots)
    return (
        TuneAxis("slots", branches) if branches else ("slots", "there is no other number for so few clients")
    )


def _both_ways(wanted: set[int], current: int) -> tuple[tuple[int, ...], ...]:
    """The larger values, ascending, and the smaller ones, descending; no empty branch."""
    more, less = (
        sorted(one for one in wanted if one > current),
        sorted(one for one in wanted if one < current),
    )
    return tuple(tuple(branch) for branch in (more, less[::-1]) if branch)


def _flash_attention(now: EngineSettings) -> TuneAxis | tuple[str, str]:
    if now.flash_attention == "off":
        return TuneAxis("flash_attention", (("on",),), is_exact=False)
    if now.cache_type.startswith(_QUANTIZED):
        return "flash_attention", f"cache_type {now.cache_type} needs it"
    return TuneAxis("flash_attention", (("off",),), is_exact=False)


def _micro_batch(now: EngineSettings, prompt_tokens: int) -> TuneAxis | tuple[str, str]:
    """Only what changes how often a prompt of this length is computed."""
    current = now.micro_batch or MICRO_BATCH
    more = {one: current + 1 for one in (1024, 2048) if one > current}
    less = {one: one + 1 for one in (256, 128) if one < current}
    return _for_prompts(
        TuneAxis("micro_batch", (tuple(more), tuple(less)), least_tokens=more | less), prompt_tokens
    )


def _batch(now: EngineSettings, prompt_tokens: int) -> TuneAxis | tuple[str, str]:
    current = now.batch or BATCH
    more = {one: current + 1 for one in (4096, 8192) if one > current}
    return _for_prompts(TuneAxis("batch", (tuple(more),), least_tokens=more), prompt_tokens)


def _cache_type(now: EngineSettings, prompt_tokens: int) -> TuneAxis | tuple[str, str]:
    if prompt_tokens < LEAST_PROMPT_TOKENS:
        return "cache_type", short_prompts(prompt_tokens)
    if now.cache_type != "f16" or now.flash_attention == "off":
        return "cache_type", "it is q8_0 already" if now.cache_type == "q8_0" else "you chose it"
    least = {"q8_0": LEAST_PROMPT_TOKENS}
    return TuneAxis("cache_type", (tuple(least),), is_exact=False, least_tokens=least)


def _for_prompts(axis: TuneAxis, prompt_tokens: int) -> TuneAxis | tuple[str, str]:
    branches = tuple(filter(None, (axis.usable(branch, prompt_tokens) for branch in axis.branches)))
    return replace(axis, branches=branches) if branches else (axis.name, short_prompts(prompt_tokens))


def short_prompts(prompt_tokens: float) -> str:
    """Why a setting is not tried that only longer prompts would notice."""
    return f"with prompts of about {prompt_tokens:.0f} tokens it makes no difference"
