"""The status of a result, by fixed rules, with its reasons; pure, called by `result_builder`.

    failed             it could not be measured to the end
    not judged         the run asked the user's own questions only, and no gate
    broken             no gate was passed: it answers, but wrongly
    avoid              it mixes up its users' images or answers, or fills the memory of this computer
    incomplete         a gate was not reached: nothing is known of it, good or bad
    provisional        too few questions to know whether a gate is passed
    vision-only        the vision gate is passed, the text gate surely not
    text-only          the reverse
    production ready   both gates are passed, and every demand on a service is shown to be met
    verified           both gates are passed

The first that applies.
"""

from dataclasses import dataclass

from viewfinder.measure.figures import Gate, Missing
from viewfinder.measure.measures.base import JUDGED, Facts
from viewfinder.measure.measures.gates.find import PASS
from viewfinder.measure.results import Status
from viewfinder.measure.statistics.intervals import wilson

_MOST_ERRORS = 0.05
"""A service must surely have a smaller share of failed requests."""
_LEAST_LEAK_REQUESTS = 60
"""Requests in which mix-ups are looked for; with none in 60, the rate is surely below 4.9 %."""
_SOON = 1_000
"""A leak that fills the memory within this number of requests makes a model one to avoid."""
_OWN_ONLY = "only your own questions were asked: whether it sees, reads and serves well was not measured"
_TOO_WIDE = 0.25
"""A gate that was not passed is undecided if its interval contains the pass mark and is wider than this."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A status and its reasons, at least one clause."""

    status: Status
    reasons: tuple[str, ...]


def judge(
    facts: Facts,
    *,
    failure: str = "",
    has_gates: bool = True,
    is_ours: bool = True,
    memory_bytes: float = float("inf"),
) -> Verdict:
    """The status of one variant on a computer with `memory_bytes`; `failure` says why it could not be
    measured to the end, `has_gates` whether the suite has gates at all."""
    if failure or not has_gates:
        return Verdict("failed", (failure,)) if failure else Verdict("not judged", (_OWN_ONLY,))
    asked = _asked(facts)
    passed = [name for name, gate in asked.items() if gate.passed]
    gates = tuple(_of_gate(name, gate) for name, gate in asked.items())
    open_ones = _undecided(asked)
    if not passed and not open_ones and not facts.unreached:
        return Verdict("broken", gates or ("no gate was asked",))
    if why := _corrupt(facts, memory_bytes - facts.steady_bytes):
        return Verdict("avoid", why)
    missing = tuple(
        f"{name} gate: {gate.missing}"
        for name, gate in facts.gates.items()
        if name in JUDGED and isinstance(gate, Missing)
    )
    if facts.unreached or open_ones:
        return (
            Verdict("incomplete", gates + missing) if facts.unreached else Verdict("provisional", open_ones)
        )
    if len(passed) < len(JUDGED):
        return Verdict("vision-only" if "vision" in passed else "text-only", gates + missing)
    unmet = _unmet(facts, is_ours=is_ours)
    return Verdict("verified", gates + unmet) if unmet else Verdict("production ready", gates + _shown(facts))


def _asked(facts: Facts) -> dict[str, Gate]:
    return {name: gate for name, gate in facts.gates.items() if name in JUDGED and isinstance(gate, Gate)}


def _undecided(asked: dict[str, Gate]) -> tuple[str, ...]:
    """The gates that were not passed, but have too few answers to be sure of that."""
    reasons = []
    for name, gate in asked.items():
        low, high = wilson(gate.right, gate.asked)
        if not gate.passed and high > PASS and high - low > _TOO_WIDE:
            reasons.append(f"{_of_gate(name, gate)}: too few to know whether it is passed")
    return tuple(reasons)


def _corrupt(facts: Facts, room_bytes: float) -> tuple[str, ...]:
    trend = facts.trend
    if trend is None or trend.is_sound or trend.least_bytes * _SOON <= room_bytes:
        return facts.corruption
    least, room = f"{trend.least_bytes / 1e6:.2f} MB", f"{room_bytes / 1e9:.1f} GB"
    leak = f"a request takes at least {least} for good: {_SOON:,} of them fill the {room} that were left"
    return (*facts.corruption, leak)


def _unmet(facts: Facts, *, is_ours: bool) -> tuple[str, ...]:
    """Why a verified model is not ready for production, in one clause."""
    reasons = [f"it showed an issue: {issue}" for issue in facts.issues]
    _, most = wilson(facts.failed, facts.timed)
    if most >= _MOST_ERRORS:
        reasons.append(
            f"{facts.failed} of {facts.timed} timed requests failed, which does not show that fewer than "
            f"{100 * _MOST_ERRORS:.0f} % do (at most {100 * most:.1f} %)"
        )
    if not is_ours:
        reasons.append("its server is not started and watched by Viewfinder")
    if facts.leak_requests is None:
        reasons.append("stability was not measured")
    elif facts.leak_requests < _LEAST_LEAK_REQUESTS:
        reasons.append(
            f"leaks between requests were looked for in {facts.leak_requests} requests only, "
            f"{_LEAST_LEAK_REQUESTS} are needed"
        )
    if facts.trend is None:
        reasons.append("memory over many requests was not measured")
    elif not facts.trend.is_sound:
        reasons.append(f"its memory is not shown to stay as it is over many requests: {facts.trend.kind}")
    return (
        (f"not production ready: {'; '.join(reason.rstrip('.') for reason in reasons)}",) if reasons else ()
    )


def _shown(facts: Facts) -> tuple[str, ...]:
    _, most = wilson(facts.failed, facts.timed)
    said = [f"{facts.failed} of {facts.timed} timed requests failed (at most {100 * most:.1f} %)"]
    if facts.leak_requests is not None:
        said.append(f"no leak between requests in {facts.leak_requests}")
    if facts.trend is not None:
        said.append(f"memory over many requests: {facts.trend.kind}")
    return tuple(said)


def _of_gate(name: str, gate: Gate) -> str:
    """`vision gate passed: 24 of 24 right (86 to 100 %)`."""
    low, high = wilson(gate.right, gate.asked)
    share = f"{gate.right} of {gate.asked} right ({100 * low:.0f} to {100 * high:.0f} %)"
    return f"{name} gate {'passed' if gate.passed else 'not passed'}: {share}"
