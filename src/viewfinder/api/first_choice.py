"""Which model to try first on this computer, for pictures and for text; pure, called by `models`.

What was measured here decides. Where nothing was, of the models of today that an engine here runs, and that
know photographs: those whose files are here first, then licenses without conditions, then the newest, and
of these the largest that is of a size for this computer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from viewfinder.core.config import Settings
from viewfinder.fleet.listing import FirstChoice, ModelLine
from viewfinder.host.hardware import Machine
from viewfinder.measure.results import ModelResult
from viewfinder.report.advice import able_overall, decisive_share, first, summary
from viewfinder.report.conditions import passed, qualified

PICTURES, TEXT = "pictures", "text"
ON_A_PROCESSOR_BYTES, A_CORE_BYTES = 3_000_000_000, 750_000_000
"""Memory of the largest model that is proposed for a processor without graphics: that of the second for each
core, at most the first. A rule of thumb: a larger one is read through once for each token."""
SHARE_WITH_GRAPHICS = 0.75
"""Of what fits, with graphics: other programs use the same memory."""


@dataclass(frozen=True, slots=True)
class Suits:
    """What this computer suits: memory in bytes, and in words why."""

    size_bytes: int
    words: str


def suitable_size(settings: Settings, machine: Machine) -> Suits:
    """What size of a model this computer suits."""
    if machine.apple_silicon or (machine.nvidia and settings.engine.llama_server):
        return Suits(int(SHARE_WITH_GRAPHICS * machine.memory_bytes), "this computer")
    size_bytes = min(ON_A_PROCESSOR_BYTES, A_CORE_BYTES * machine.cores_physical)
    return Suits(max(size_bytes, 2 * A_CORE_BYTES), "this processor")


def first_choices(
    lines: Sequence[ModelLine], results: Mapping[tuple[str, str], ModelResult], suits: Suits
) -> list[FirstChoice]:
    """One for pictures and one for text, or one for both; none for a use that no model here has."""
    pictures = _measured(lines, results, "vision") or _by_size(lines, suits, lambda line: line.vision)
    text = _measured(lines, results, "text") or _by_size(lines, suits, lambda line: line.text)
    if pictures and text and pictures.model == text.model:
        return [replace(pictures, uses=(PICTURES, TEXT))]
    choices = ((PICTURES, pictures), (TEXT, text))
    return [replace(choice, uses=(use,)) for use, choice in choices if choice]


def _measured(
    lines: Sequence[ModelLine], results: Mapping[tuple[str, str], ModelResult], gate: str
) -> FirstChoice | None:
    """The best of those that were measured here and are still here; one for both uses comes first."""
    here = {(line.name, line.variant) for line in lines if line.here and line.runs and not line.limits}
    measured = [result for key, result in results.items() if key in here]
    able = able_overall(measured)[0] or qualified(measured, passed(gate))[0]
    best = [place.result for place in first(able, decisive_share(able), {})] or able
    if not best:
        return None
    said = summary(best[0])
    return FirstChoice(
        (),
        best[0].model,
        f"Measured here{f': {said}' if said else ''}.",
        f"viewfinder ask {best[0].model} {'PHOTO ' if gate == 'vision' else ''}QUESTION",
        measured=True,
    )


def _by_size(
    lines: Sequence[ModelLine], suits: Suits, able: Callable[[ModelLine], bool]
) -> FirstChoice | None:
    """The best by what is published of it."""
    candidates = [
        line
        for line in lines
        if able(line) and line.runs and line.fits and line.year and line.needs_bytes and not line.limits
    ]
    candidates = [line for line in candidates if not line.measured] or candidates  # those did not pass
    candidates = [line for line in candidates if not line.replaced_by] or candidates
    small = [line for line in candidates if (line.needs_bytes or 0) <= suits.size_bytes]
    if not small:
        small = sorted(candidates, key=lambda line: line.needs_bytes or 0)[:1]
    best = max(small, key=_preference, default=None)
    if best is None:
        return None
    if best.here:
        return FirstChoice(
            (), best.name, "It is here, and not measured yet.", f"viewfinder bench {best.name}"
        )
    need = f"~{(best.needs_bytes or 0) / 1e9:.1f} GB"
    why = f"Not measured here; the newest and largest for {suits.words} ({need})."
    return FirstChoice((), best.name, why, f"viewfinder pull {best.name}")


def _preference(line: ModelLine) -> tuple[bool, bool, int, int]:
    return line.here, not line.short_license.endswith("*"), line.year or 0, line.needs_bytes or 0
