"""What a result comes to in one word, by fixed rules, with the reasons in words; pure, called by `findings`.

    failed             it could not be measured to the end
    broken             no gate was passed: it answers, and does not work
    avoid              it mixes up its users' images or answers, or eats the memory of this computer
    provisional        too few questions to tell whether a gate is passed
    vision-only        the vision gate is passed, the text gate surely not
    text-only          the reverse
    verified           both gates are passed
    production ready   and everything that can be asked of a service is shown

The first that applies, in this order, but for the last two, of which the last that applies.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from viewfinder.measure.figures import Gate, Missing
from viewfinder.measure.measures.gates.ask import PASS
from viewfinder.measure.measures.soak.result import Soak
from viewfinder.measure.measures.stability.result import Stability
from viewfinder.measure.results import Status
from viewfinder.measure.statistics.intervals import wilson
from viewfinder.measure.troubles.trouble import Code, Rate

MOST_ERRORS = 0.05
"""Share of failed requests that a service must surely stay below."""
LEAST_LEAK_REQUESTS = 60
"""Requests in the leak order; none wrong in 60 bounds the rate below 4.9 %."""
SOON = 1_000
"""Requests within which a leak that fills the memory makes a model one to avoid."""
MIX_UPS = frozenset({Code.PREV_IMAGE, Code.FROZEN_IMAGE, Code.CROSS_REQUEST})
TELLING = 0.25
"""Width of an interval around the pass mark, above which a gate that was not passed is not yet failed."""


@dataclass(frozen=True, slots=True)
class Growth:
    """How the footprint grew over many requests: `kind` in words ("flat", "plateau", "leak", ...).

    `least_bytes` is the lower bound of what a request adds, `room_bytes` what this computer had left.
    """

    kind: str
    is_sound: bool
    least_bytes: float = 0.0
    room_bytes: float = float("inf")

    @property
    def fills_memory(self) -> bool:
        return not self.is_sound and self.least_bytes * SOON > self.room_bytes


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one variant.

    `errors` of `requests` timed requests failed. `corruption` are the corruptions of state that were found,
    a clause each, in `leak_requests` requests; None: that was not looked for. `growth` likewise.
    """

    failure: str
    vision: Gate | Missing
    text: Gate | Missing
    errors: int = 0
    requests: int = 0
    is_ours: bool = True
    issues: Sequence[str] = ()
    corruption: Sequence[str] = ()
    leak_requests: int | None = None
    growth: Growth | None = None

    @property
    def gates(self) -> dict[str, Gate]:
        """Those that were asked."""
        both = {"vision": self.vision, "text": self.text}
        return {name: gate for name, gate in both.items() if isinstance(gate, Gate)}


@dataclass(frozen=True, slots=True)
class Verdict:
    status: Status
    reasons: tuple[str, ...]


def corruption_of(*stages: object) -> tuple[str, ...]:
    """The corruptions of state that stages found, a clause each."""
    said = []
    for stage in stages:
        if isinstance(stage, Stability | Soak):
            said += [trouble.sentence for trouble in stage.troubles if trouble.code in MIX_UPS]
        if isinstance(stage, Stability) and stage.recovery in ("needs reload", "lasting"):
            said.append("after an error its process answers no more")
    return tuple(said)


def leak_requests_of(stability: object) -> int | None:
    """In how many requests a mix-up of images was looked for; None: it was not."""
    if isinstance(stability, Stability) and isinstance(stability.mix_ups, Rate):
        return stability.mix_ups.asked
    return None


def growth_of(soak: object, room_bytes: float) -> Growth | None:
    """What many requests did to the memory; None: that was not measured."""
    if not isinstance(soak, Soak) or isinstance(soak.growth, Missing):
        return None
    leaks = soak.growth.kind == "leak"
    return Growth(
        soak.growth.kind,
        is_sound=soak.growth.kind in ("flat", "plateau"),
        least_bytes=soak.growth.slope.low * 1e6 if leaks else 0.0,
        room_bytes=room_bytes,
    )


def judge(known: Known) -> Verdict:
    """The status and its reasons, at least one."""
    if known.failure:
        return Verdict("failed", (known.failure,))
    passed = [name for name, gate in known.gates.items() if gate.passed]
    said = tuple(_of_gate(name, gate) for name, gate in known.gates.items())
    open_ones = _undecided(known)
    if not passed and not open_ones:
        return Verdict("broken", said or ("no gate was asked",))
    if why := _corrupt(known):
        return Verdict("avoid", why)
    if open_ones:
        return Verdict("provisional", open_ones)
    if len(passed) < 2:
        missing = tuple(
            f"{name} gate: {gate.missing}"
            for name, gate in (("vision", known.vision), ("text", known.text))
            if isinstance(gate, Missing)
        )
        return Verdict("vision-only" if "vision" in passed else "text-only", said + missing)
    unmet = _unmet(known)
    return Verdict("verified", said + unmet) if unmet else Verdict("production ready", said + _shown(known))


def _undecided(known: Known) -> tuple[str, ...]:
    """Gates that were not passed, with so few answers that they may well be; what was passed is proven."""
    reasons = []
    for name, gate in known.gates.items():
        low, high = wilson(gate.right, gate.asked)
        if not gate.passed and high > PASS and high - low > TELLING:
            reasons.append(f"{_of_gate(name, gate)}: too few to tell whether it is passed")
    return tuple(reasons)


def _corrupt(known: Known) -> tuple[str, ...]:
    growth = known.growth
    if growth is None or not growth.fills_memory:
        return tuple(known.corruption)
    least, room = f"{growth.least_bytes / 1e6:.2f} MB", f"{growth.room_bytes / 1e9:.1f} GB"
    leak = f"a request takes at least {least} for good: {SOON:,} of them fill the {room} that were left"
    return (*known.corruption, leak)


def _unmet(known: Known) -> tuple[str, ...]:
    """What stands between a verified model and production."""
    reasons = [f"it showed an issue: {issue}" for issue in known.issues]
    _, most = wilson(known.errors, known.requests)
    if most >= MOST_ERRORS:
        reasons.append(
            f"{known.errors} of {known.requests} timed requests failed, which does not show that fewer than "
            f"{100 * MOST_ERRORS:.0f} % do (at most {100 * most:.1f} %)"
        )
    if not known.is_ours:
        reasons.append("its server is not started and watched by Viewfinder")
    if known.leak_requests is None:
        reasons.append("stability was not measured")
    elif known.leak_requests < LEAST_LEAK_REQUESTS:
        reasons.append(
            f"leaks between requests were looked for in {known.leak_requests} requests only, "
            f"{LEAST_LEAK_REQUESTS} are needed"
        )
    if known.growth is None:
        reasons.append("memory over many requests was not measured")
    elif not known.growth.is_sound:
        reasons.append(f"its memory is not shown to stay as it is over many requests: {known.growth.kind}")
    return (
        (f"not production ready: {'; '.join(reason.rstrip('.') for reason in reasons)}",) if reasons else ()
    )


def _shown(known: Known) -> tuple[str, ...]:
    _, most = wilson(known.errors, known.requests)
    said = [f"{known.errors} of {known.requests} timed requests failed (at most {100 * most:.1f} %)"]
    if known.leak_requests is not None:
        said.append(f"no leak between requests in {known.leak_requests}")
    if known.growth is not None:
        said.append(f"memory over many requests: {known.growth.kind}")
    return tuple(said)


def _of_gate(name: str, gate: Gate) -> str:
    """`vision gate passed: 24 of 24 right (86 to 100 %)`."""
    low, high = wilson(gate.right, gate.asked)
    share = f"{gate.right} of {gate.asked} right ({100 * low:.0f} to {100 * high:.0f} %)"
    return f"{name} gate {'passed' if gate.passed else 'not passed'}: {share}"
