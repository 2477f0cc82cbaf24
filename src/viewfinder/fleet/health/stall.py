"""Whether a silent engine is slow or stuck; asked by `fleet` for each request that waits for a word.

    fine         silent for no longer than `bound_s`
    suspicious   silent for longer, but it has not been looked at for long enough, or it works
    stalled      silent for longer, and for the whole look nothing of it moved: no CPU time, no output,
                 no byte read from the disk

An engine that works is never stalled, however slow. That its /health answers is no work, and proves nothing.
"""

from collections.abc import Callable
from typing import Literal

from viewfinder.core.config import FleetSettings
from viewfinder.fleet.health.rates import Expectation
from viewfinder.host.activity import Activity

Phase = Literal["prefill", "decode"]
Verdict = Literal["fine", "suspicious", "stalled"]

UNKNOWN_BOUND_S = 60.0
"""The silence that is allowed while nothing was measured yet."""
LEAST_LOOK_S, LONGEST_LOOK_S = 1.0, 10.0
LOOK_SHARE = 0.1
"""The look lasts so much of the silence that was allowed, between these two."""
WORKING_CORES = 0.02
"""An idle server's own timers take less of a core than this, and any computing takes more."""


def bound_s(phase: Phase, expectation: Expectation | None, settings: FleetSettings, others: int) -> float:
    """The longest silence that is not suspicious; `others` are the requests that share the engine."""
    if expectation is None:
        return max(UNKNOWN_BOUND_S, settings.stall_floor_s)
    expected_s = expectation.first_s if phase == "prefill" else expectation.gap_s
    # Another's prompt is computed between two of this one's words, so it is silent for that long too.
    if phase == "decode" and others:
        expected_s = max(expected_s, expectation.first_s)
    return max(settings.stall_floor_s, settings.stall_factor * expected_s * (1 + others))


def judge(
    phase: Phase,
    silence_s: float,
    expectation: Expectation | None,
    signs_before: Activity | None,
    signs_now: Activity | None,
    settings: FleetSettings,
    others: int,
) -> Verdict:
    """The verdict on `silence_s` without a word, the engine looked at twice; None: not looked at yet."""
    allowed_s = bound_s(phase, expectation, settings, others)
    if silence_s <= allowed_s:
        return "fine"
    if signs_before is None or signs_now is None:
        return "suspicious"
    if signs_now.at_s - signs_before.at_s < look_s(allowed_s) or is_working(signs_before, signs_now):
        return "suspicious"
    return "stalled"


def look_s(allowed_s: float) -> float:
    """How long an engine is looked at that was silent for longer than allowed."""
    return min(LONGEST_LOOK_S, max(LEAST_LOOK_S, LOOK_SHARE * allowed_s))


def is_working(before: Activity, now: Activity) -> bool:
    """Whether anything moved; less than before is movement too: a process of the tree has ended."""
    cpu_s = now.cpu_s - before.cpu_s
    return (
        cpu_s < 0
        or cpu_s >= WORKING_CORES * (now.at_s - before.at_s)
        or now.output_bytes != before.output_bytes
        or now.read_bytes != before.read_bytes
    )


class Watch:
    """One request's silence: `look` at it every second or so, from its start to its last word."""

    def __init__(self, read: Callable[[], Activity], settings: FleetSettings) -> None:
        self._read, self._settings = read, settings
        self._before: Activity | None = None
        self._since_s = 0.0
        """How long the silence was when the present look began."""

    def look(self, phase: Phase, silence_s: float, expectation: Expectation | None, others: int) -> Verdict:
        """The verdict now. The engine's signs are read only where a look begins and when it is over; one that
        saw it work is followed by another."""
        allowed_s = bound_s(phase, expectation, self._settings, others)
        if silence_s <= allowed_s:
            self._before = None
            return "fine"
        if self._before is not None and silence_s - self._since_s < look_s(allowed_s):
            return "suspicious"
        now = self._read()
        verdict = judge(phase, silence_s, expectation, self._before, now, self._settings, others)
        if self._before is None or now.at_s - self._before.at_s >= look_s(allowed_s):
            self._before, self._since_s = now, silence_s
        return verdict
