"""Whether a silent engine is slow or stalled; called by `watchdog` for each request that waits for output.

    fine         silent for no longer than `bound_s`
    suspicious   silent for longer, but not observed for long enough yet, or it works
    stalled      silent for longer, and idle during the whole observation: no CPU time, no log output,
                 no byte read from the disk; or silent for longer than `work_bound_s`, with a core to itself

Work is proof of life while it may still lead to an answer: a grammar can keep an engine busy for ever. One
that gets little of the processor is only slow. An answer of its /health is not work.
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
SETTLED_S = 0.1
"""Between two requests of one client nobody looks: that takes longer than the rest itself."""
LOOK_SHARE = 0.1
"""An observation lasts this share of the allowed silence, within LEAST_LOOK_S and LONGEST_LOOK_S."""
WORKING_CORES = 0.02
"""The timers of an idle server use less of a core than this; any computation uses more."""

WORK_FACTOR, LEAST_WORK_S = 10.0, 60.0
"""An engine that works may be silent for this many times the allowed silence, and for this long at least."""
BUSY_CORES = 0.25
"""With less of a core than this, an engine is slow because other programs have the processor."""


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


def work_bound_s(allowed_s: float) -> float:
    """The longest silence of an engine that works."""
    return max(LEAST_WORK_S, WORK_FACTOR * allowed_s)


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


def is_busy(before: Activity, now: Activity) -> bool:
    """Whether the engine had a good part of a core."""
    return now.cpu_s - before.cpu_s >= BUSY_CORES * (now.at_s - before.at_s) > 0


class Watch:
    """Watches the silence of one request; call `look` every second or so until its last chunk."""

    def __init__(self, read: Callable[[], Activity], settings: FleetSettings) -> None:
        self._read, self._settings = read, settings
        self._first: Activity | None = None
        """What it had done when its silence became suspicious."""
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
            self._first = self._before = None
            return "fine"
        if self._before is not None and silence_s - self._since_s < look_s(allowed_s):
            return "suspicious"
        before, now = self._before, self._read()
        if before is not None and now.at_s - before.at_s < look_s(allowed_s):
            return "suspicious"
        self._before, self._since_s = now, silence_s
        self._first = self._first or now
        if before is None or (is_working(before, now) and not self._is_hopeless(silence_s, allowed_s, now)):
            return "suspicious"
        return "stalled"

    def _is_hopeless(self, silence_s: float, allowed_s: float, now: Activity) -> bool:
        """Whether it has worked for so long, most of it before our eyes, that no answer will come."""
        longest_s, first = work_bound_s(allowed_s), self._first or now
        return silence_s > longest_s and now.at_s - first.at_s > longest_s / 2 and is_busy(first, now)


class Rest:
    """Watches whether a process stops computing once the last request has left it.

    An engine stops computing when its client leaves; one that does not is busy with a request that nobody
    waits for, and every later one waits behind that.
    """

    def __init__(self, process: object, read: Callable[[], Activity]) -> None:
        self.process, self._read = process, read
        self._before: Activity | None = None
        self._allowed_s = self._looked_s = 0.0
        self.is_resting = True
        """Whether it has stopped since it was last used."""

    def used(self, allowed_s: float) -> None:
        """A request has left it, whose work may take this long to stop."""
        self._allowed_s = max(self._allowed_s, allowed_s)
        self.pause()
        self.is_resting = False

    def pause(self) -> None:
        """It has something to do now; what was seen before means nothing."""
        self._before = None

    def rests(self) -> None:
        """It is known to have stopped, or to be of those that never do."""
        self._allowed_s, self.is_resting = 0.0, True

    def look(self, idle_s: float) -> bool:
        """Whether it may be stuck: it works when it should have stopped long ago. Call it while no request is
        in progress; `idle_s` is for how long."""
        if self.is_resting:
            return False
        before, now = self._before, self._read() if self._may_look(idle_s) else None
        if now is None:
            return False
        self._before, self._looked_s = now, idle_s
        if before is not None and not is_working(before, now):
            self.rests()
        return not self.is_resting and before is not None and idle_s > self._allowed_s

    def _may_look(self, idle_s: float) -> bool:
        if self._before is None:
            return idle_s >= SETTLED_S
        return idle_s - self._looked_s >= LEAST_LOOK_S
