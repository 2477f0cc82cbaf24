"""Whether a silent engine is slow or stalled; called by `watchdog` for each request that waits for output.

    fine         silent for no longer than `bound_s`
    suspicious   silent for longer, but not observed for long enough yet, or it works
    stalled      silent for longer, and idle during the whole observation: no CPU time, no log output,
                 no byte read from the disk

An engine that works is never stalled, however slow it is. An answer of its /health is not work.
"""

from collections.abc import Callable
from typing import Literal

from viewfinder.core.config import FleetSettings
from viewfinder.fleet.health.rates import Expectation
from viewfinder.host.activity import Activity

RequestPhase = Literal["prefill", "decode"]
Silence = Literal["fine", "suspicious", "stalled"]

UNKNOWN_BOUND_S = 60.0
"""The silence that is allowed before anything was measured."""
LEAST_LOOK_S, LONGEST_LOOK_S = 1.0, 10.0
LOOK_SHARE = 0.1
"""An observation lasts this share of the allowed silence, within LEAST_LOOK_S and LONGEST_LOOK_S."""
WORKING_CORES = 0.02
"""The timers of an idle server use less of a core than this; any computation uses more."""


def bound_s(
    phase: RequestPhase, expectation: Expectation | None, settings: FleetSettings, others: int
) -> float:
    """The longest silence that is not suspicious; `others` counts the requests that share the engine."""
    if expectation is None:
        return max(UNKNOWN_BOUND_S, settings.stall_floor_s)
    expected_s = expectation.first_s if phase == "prefill" else expectation.gap_s
    # Another request's prompt may be computed between two chunks of this one.
    if phase == "decode" and others:
        expected_s = max(expected_s, expectation.first_s)
    return max(settings.stall_floor_s, settings.stall_factor * expected_s * (1 + others))


def look_s(allowed_s: float) -> float:
    """How long an engine is observed that was silent for longer than allowed."""
    return min(LONGEST_LOOK_S, max(LEAST_LOOK_S, LOOK_SHARE * allowed_s))


def is_working(before: Activity, now: Activity) -> bool:
    """Whether the engine did anything; a fall counts, because then a process of its tree has ended."""
    cpu_s = now.cpu_s - before.cpu_s
    return (
        cpu_s < 0
        or cpu_s >= WORKING_CORES * (now.at_s - before.at_s)
        or now.output_bytes != before.output_bytes
        or now.read_bytes != before.read_bytes
    )


class Watch:
    """Watches the silence of one request; call `look` every second or so until its last chunk."""

    def __init__(self, read: Callable[[], Activity], settings: FleetSettings) -> None:
        self._read, self._settings = read, settings
        self._before: Activity | None = None
        self._since_s = 0.0
        """The silence when this observation began."""

    def look(
        self, phase: RequestPhase, silence_s: float, expectation: Expectation | None, others: int
    ) -> Silence:
        """What the silence means now. The engine's activity is read only at the start and the end of an
        observation; when it worked in between, another observation begins."""
        allowed_s = bound_s(phase, expectation, self._settings, others)
        if silence_s <= allowed_s:
            self._before = None
            return "fine"
        if self._before is not None and silence_s - self._since_s < look_s(allowed_s):
            return "suspicious"
        before, now = self._before, self._read()
        if before is not None and now.at_s - before.at_s < look_s(allowed_s):
            return "suspicious"
        self._before, self._since_s = now, silence_s
        return "suspicious" if before is None or is_working(before, now) else "stalled"
