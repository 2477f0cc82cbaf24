"""A stuck engine is told from a slow one by its own signs."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from viewfinder.core.config import FleetSettings
from viewfinder.fleet.health.rates import Expectation
from viewfinder.fleet.health.stall import (
    LEAST_WORK_S,
    UNKNOWN_BOUND_S,
    Rest,
    Silence,
    Watch,
    bound_s,
    is_working,
    look_s,
    work_bound_s,
)
from viewfinder.host.activity import Activity

SETTINGS = FleetSettings.model_validate({"stall_factor": 3, "stall_floor_s": 5})
EXPECTED = Expectation(first_s=4.0, gap_s=0.1)
STILL = Activity(at_s=100.0, cpu_s=50.0, output_bytes=1000, read_bytes=2000)

PHASES = st.sampled_from(["prefill", "decode"])
EXPECTATIONS = st.none() | st.builds(Expectation, st.floats(0, 1e4), st.floats(0, 1e3))
OTHERS = st.integers(0, 16)


def later(seconds: float, **moved: float) -> Activity:
    return replace(STILL, at_s=STILL.at_s + seconds, **moved)


def seen(phase, silence_s, expected, now: Activity, others: int = 0) -> Silence:
    """What a second look finds `now`, as long after the first one as the engine's own clock says."""
    watch = Watch(iter((STILL, now)).__next__, SETTINGS)
    watch.look(phase, silence_s, expected, others)
    return watch.look(phase, silence_s + now.at_s - STILL.at_s, expected, others)


def test_silence_is_suspicious_at_a_multiple_of_what_is_expected_and_never_below_the_floor() -> None:
    assert bound_s("prefill", EXPECTED, SETTINGS, 0) == 12.0
    assert bound_s("decode", EXPECTED, SETTINGS, 0) == 5.0
    assert bound_s("prefill", None, SETTINGS, 0) == UNKNOWN_BOUND_S


def test_requests_that_share_an_engine_may_be_silent_for_longer() -> None:
    assert bound_s("prefill", EXPECTED, SETTINGS, 1) == 24.0
    assert bound_s("decode", EXPECTED, SETTINGS, 1) == 24.0  # the other's prompt comes between two words


def test_only_what_stands_still_for_the_whole_look_is_stalled() -> None:
    watch = Watch(lambda: STILL, SETTINGS)
    assert watch.look("prefill", 11.9, EXPECTED, 0) == "fine"
    assert watch.look("prefill", 12.1, EXPECTED, 0) == "suspicious"
    assert watch.look("prefill", 60.0, EXPECTED, 0) == "suspicious"  # by its own clock it is not observed yet
    assert seen("prefill", 12.1, EXPECTED, later(1.1)) == "suspicious"
    assert seen("prefill", 12.1, EXPECTED, later(1.3)) == "stalled"


def test_any_movement_is_work() -> None:
    for moved in ({"cpu_s": 50.1}, {"output_bytes": 1001}, {"read_bytes": 2001}, {"cpu_s": 20.0}):
        assert seen("prefill", 1e6, EXPECTED, later(5, **moved)) == "suspicious"


def test_an_idle_servers_timers_are_no_work() -> None:
    assert not is_working(STILL, later(10, cpu_s=50.05))
    assert seen("prefill", 1e6, EXPECTED, later(10, cpu_s=50.05)) == "stalled"


@settings(deadline=None)
@given(PHASES, st.floats(0, 1), EXPECTATIONS, OTHERS, st.floats(0, 100), st.floats(0, 100))
def test_a_slow_but_living_engine_is_not_stalled(phase, share, expected, others, look, more) -> None:
    """While an answer may still come: up to ten times the allowed silence."""
    silence_s = share * work_bound_s(bound_s(phase, expected, SETTINGS, others)) - look
    working = later(look, cpu_s=STILL.cpu_s + 0.021 * look + 1e-6 + more)
    assert seen(phase, silence_s, expected, working, others) != "stalled"


@settings(deadline=None)
@given(PHASES, st.floats(0, 1e6), EXPECTATIONS, OTHERS)
def test_silence_within_its_bound_is_fine_whatever_the_signs(phase, silence_s, expected, others) -> None:
    bound = bound_s(phase, expected, SETTINGS, others)
    watch = Watch(iter((STILL, later(1000))).__next__, SETTINGS)
    assert watch.look(phase, silence_s, expected, others) == ("fine" if silence_s <= bound else "suspicious")
    assert watch.look(phase, silence_s, expected, others) != "stalled"
    assert seen(phase, bound + 1, expected, later(1000), others) == "stalled"
    assert bound >= SETTINGS.stall_floor_s
    assert 1.0 <= look_s(bound) <= 10.0


class Tree:
    """Activity by a clock that the test turns."""

    def __init__(self) -> None:
        self.signs = STILL
        self.reads = 0

    def read(self) -> Activity:
        self.reads += 1
        return self.signs

    def after(self, seconds: float, cpu_s: float = 0.0) -> None:
        self.signs = replace(self.signs, at_s=self.signs.at_s + seconds, cpu_s=self.signs.cpu_s + cpu_s)


def test_an_engine_is_not_looked_into_before_it_is_suspicious() -> None:
    tree = Tree()
    watch = Watch(tree.read, SETTINGS)
    assert watch.look("prefill", 3.0, EXPECTED, 0) == "fine"
    assert tree.reads == 0


def test_a_watch_sees_an_engine_stop_that_worked_before() -> None:
    tree = Tree()
    watch = Watch(tree.read, SETTINGS)
    silence_s, verdicts = 12.0, []
    for cpu_s in (0.5, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0):
        silence_s += 1.0
        tree.after(1.0, cpu_s)
        verdicts.append(watch.look("prefill", silence_s, EXPECTED, 0))
    assert verdicts[:5] == ["suspicious"] * 5
    assert "stalled" in verdicts[5:]


def test_a_tick_of_an_idle_server_does_not_begin_the_look_anew() -> None:
    tree = Tree()
    watch = Watch(tree.read, SETTINGS)
    verdicts = []
    for number in range(20):  # one tick of 10 ms in a second, looked at ten times a second
        tree.after(0.1, 0.01 if number == 8 else 0.0)
        verdicts.append(watch.look("prefill", 13.0 + number / 10, EXPECTED, 0))
    assert "stalled" in verdicts
    assert tree.reads < 5


def looked_at(watch: Watch, tree: Tree, seconds: int, cores: float) -> list[Silence]:
    """What is seen each second from the twelfth on, of an engine with this part of the processor."""
    verdicts = []
    for second in range(seconds):
        tree.after(1.0, cores)
        verdicts.append(watch.look("prefill", 12.0 + second, EXPECTED, 0))
    return verdicts


def test_work_is_no_proof_of_life_for_ever() -> None:
    """A grammar kept an engine busy for as long as it was let."""
    assert work_bound_s(12.0) == 120.0
    assert work_bound_s(0.1) == LEAST_WORK_S
    tree = Tree()
    verdicts = looked_at(Watch(tree.read, SETTINGS), tree, 130, 1.0)
    assert verdicts.index("stalled") in range(108, 112)


def test_an_engine_that_gets_little_of_the_processor_is_only_slow() -> None:
    tree = Tree()
    assert "stalled" not in looked_at(Watch(tree.read, SETTINGS), tree, 1000, 0.2)


def test_an_engine_that_was_only_now_looked_at_is_given_time() -> None:
    """As after a long suspension: the silence is long, and nobody saw what it did."""
    tree = Tree()
    watch = Watch(tree.read, SETTINGS)
    tree.after(1.0, 1.0)
    assert watch.look("prefill", 10_000.0, EXPECTED, 0) == "suspicious"
    tree.after(5.0, 5.0)
    assert watch.look("prefill", 10_005.0, EXPECTED, 0) == "suspicious"


def rested(rest: Rest, tree: Tree, cores: list[float]) -> list[bool]:
    verdicts = []
    for second, part in enumerate(cores):
        verdicts.append(rest.look(float(second)))
        tree.after(1.0, part)
    return verdicts


def test_an_engine_that_comes_to_rest_is_looked_at_no_more() -> None:
    tree = Tree()
    rest = Rest(None, tree.read)
    assert rested(rest, tree, [1.0] * 9) == [False] * 9
    assert tree.reads == 0, "it was never used"
    rest.used(5.0)
    assert rested(rest, tree, [1.0, 1.0, 0.01, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]) == [False] * 9
    assert (rest.is_resting, tree.reads) == (True, 3)


def test_between_two_requests_of_one_client_nobody_looks() -> None:
    tree = Tree()
    rest = Rest(None, tree.read)
    for _ in range(9):
        rest.used(5.0)
        assert not rest.look(0.01)
    assert tree.reads == 0


def test_an_engine_that_never_rests_is_stuck_after_what_it_was_allowed() -> None:
    tree = Tree()
    rest = Rest(None, tree.read)
    rest.used(5.0)
    rest.used(2.0)
    assert rested(rest, tree, [1.0] * 9) == [False] * 6 + [True] * 3
    assert not rest.is_resting
    rest.used(2.0)
    assert rested(rest, tree, [1.0] * 2) == [False] * 2, "another request begins it again"
    rest.rests()
    assert rested(rest, tree, [1.0] * 9) == [False] * 9
