"""Whose processor time it was."""

import subprocess
import sys
import time

from viewfinder.host.disturbance import Disturbance, clause, read_machine_s, read_own_s


def watched(busy_s: float, idle_s: float, own_s: float) -> tuple[float, float]:
    """A stretch in which the processors worked `busy_s`, `own_s` of it for the measured server and us."""
    machine, own = iter([(100.0, 50.0), (100.0 + busy_s, 50.0 + idle_s)]), iter([7.0, 7.0 + own_s])
    disturbance = Disturbance(lambda: next(machine), lambda pids: next(own))
    with disturbance.watch(list):
        pass
    return disturbance.foreign_s, disturbance.available_s


def test_our_own_work_is_no_disturbance() -> None:
    assert watched(busy_s=9.0, idle_s=1.0, own_s=9.0) == (0.0, 10.0)
    assert clause(0.0, 10.0) == ""


def test_others_work_is() -> None:
    seconds = watched(busy_s=9.0, idle_s=1.0, own_s=5.0)
    assert seconds == (4.0, 10.0)
    assert clause(*seconds) == "other programs used 40 % of the processors while requests were timed"


def test_clocks_that_disagree_a_little_do_no_harm() -> None:
    assert watched(busy_s=1.0, idle_s=1.0, own_s=1.01) == (0.0, 2.0)
    assert clause(*watched(busy_s=0.0, idle_s=0.0, own_s=0.0)) == ""


def test_readings_of_this_computer() -> None:
    before_s, own_before_s = sum(read_machine_s()), read_own_s([])
    end_s = time.process_time() + 0.1
    while time.process_time() < end_s:
        pass
    assert read_own_s([]) - own_before_s >= 0.05
    assert sum(read_machine_s()) - before_s >= 0.03


def test_a_gone_process_is_left_out() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    assert read_own_s([gone.pid]) >= 0.0
