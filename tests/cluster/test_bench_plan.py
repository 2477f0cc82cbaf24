"""Which node measures what: every model once on each kind of node, also when nodes refuse or are lost."""

from viewfinder.cluster.bench_plan import BenchPlan, NodeJob
from viewfinder.host.hardware import HardwareKind

SLOW: HardwareKind = ("slow", 2, 4, 16, "")
FAST: HardwareKind = ("fast", 8, 8, 64, "NVIDIA L4")
NODES = {"a": SLOW, "b": SLOW, "c": FAST}


def test_models_are_spread_over_the_nodes_of_a_kind_and_each_kind_measures_all() -> None:
    plan = BenchPlan(NODES, ["x", "y", "z"])
    taken = [plan.take(node) for node in "abc"]
    assert taken == [NodeJob("x", SLOW), NodeJob("y", SLOW), NodeJob("x", FAST)]
    plan.finished("a")
    assert plan.take("a") == NodeJob("z", SLOW)
    plan.finished("a")
    assert plan.take("a") is None
    assert plan.may_come("a"), "b may be lost with its model"
    plan.finished("b")
    assert not plan.may_come("a")
    assert [plan.finished("c") or plan.take("c") for _ in range(2)] == [
        NodeJob("y", FAST),
        NodeJob("z", FAST),
    ]
    plan.finished("c")
    assert plan.unmeasured() == {}


def test_what_a_lost_node_measured_is_measured_first_by_another() -> None:
    plan = BenchPlan(NODES, ["x", "y", "z"])
    plan.take("a")
    plan.take("b")
    plan.lost("a", "node a was lost")
    plan.finished("b")
    assert plan.take("b") == NodeJob("x", SLOW)
    assert plan.take("a") is None


def test_what_no_node_of_a_kind_can_measure_is_told_with_each_reason() -> None:
    plan = BenchPlan(NODES, ["x"])
    for node in ("a", "b"):
        assert plan.take(node) == NodeJob("x", SLOW)
        plan.refused(node, f"{node}: its files differ")
    assert plan.take("a") is plan.take("b") is None
    plan.take("c")
    plan.lost("c", "node c was lost")
    assert plan.unmeasured() == {
        NodeJob("x", SLOW): "a: its files differ; b: its files differ",
        NodeJob("x", FAST): "node c was lost",
    }


def test_what_was_done_before_is_not_done_again() -> None:
    plan = BenchPlan(NODES, ["x", "y"], [NodeJob("x", SLOW)])
    assert [plan.take(node) for node in "abc"] == [NodeJob("y", SLOW), None, NodeJob("x", FAST)]
