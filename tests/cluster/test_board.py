"""What the replicas and the gateways leave for each other."""

from types import SimpleNamespace

from viewfinder.cluster.board import GONE_S, ClusterBoard
from viewfinder.cluster.messages import NodeReport


def report(replica: str) -> NodeReport:
    return NodeReport(replica, node="1", host="here", view={})


async def test_a_replica_that_is_silent_is_no_longer_shown() -> None:
    now = SimpleNamespace(s=0.0)
    board = ClusterBoard(lambda: now.s)
    await board.report(report("a"), 0)
    now.s = GONE_S - 1
    await board.report(report("b"), 0)
    assert [one.replica for one in (await board.look("g"))[0]] == ["a", "b"]
    now.s = GONE_S + 1
    assert [one.replica for one in (await board.look("g"))[0]] == ["b"]
    await board.leave("b")
    assert (await board.look("g"))[0] == []


async def test_each_order_is_given_once_and_a_new_replica_gets_none_of_before() -> None:
    board = ClusterBoard()
    first = await board.order("unload", "glimpse")
    assert await board.now() == first
    second = await board.order("pin", "glimpse")
    assert second > first
    assert [order.verb for order in await board.report(report("a"), 0)] == ["unload", "pin"]
    assert [order.verb for order in await board.report(report("a"), first)] == ["pin"]
    assert await board.report(report("a"), second) == []
    restarted = ClusterBoard()
    assert await restarted.now() > second, "its first orders must be newer than those that were obeyed"


async def test_the_last_gateway_knows_that_it_is_the_last() -> None:
    board = ClusterBoard()
    await board.look("one")
    await board.look("two")
    assert await board.goodbye("one") == ["two"]
    assert await board.goodbye("two") == []
