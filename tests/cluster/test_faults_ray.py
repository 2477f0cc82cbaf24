"""What fails in a cluster: nodes, replicas, gateways. No answer is another request's, and nothing is left."""

import signal
import time

import httpx2
import pytest

from tests.cluster.conftest import PATIENCE_S, Load, Nodes, Outcome, engines_below, until, view_of
from tests.cluster.pictures import KINDS, ask
from tests.e2e.conftest import Served
from tests.processes import left_of

pytestmark = pytest.mark.cluster


def right_answers(served: Served) -> dict[str, str]:
    """What is answered about each picture while nothing fails."""
    with httpx2.Client(base_url=served.url, timeout=PATIENCE_S) as client:
        answers = {str(number): ask(client, number, stream=False).words for number in range(KINDS)}
    assert len(set(answers.values())) >= KINDS - 2, f"the pictures must be told apart: {answers}"
    return answers


def of_another(outcomes: list[Outcome], right: dict[str, str]) -> list[Outcome]:
    """Answers that are not the beginning of the right one."""
    return [one for one in outcomes if not right[one.asked].startswith(one.words)]


def ready_nodes(served: Served, model: str = "glimpse") -> set[str]:
    return {one.node for one in view_of(served).servers if one.model == model and one.state == "ready"}


def test_a_node_is_killed_under_load(nodes: Nodes) -> None:
    """What has no byte yet is asked elsewhere; a stream that was cut ends with an error."""
    nodes.grow_to(3)
    with nodes.serving("glimpse", replicas=3, most_replicas=3) as served:
        until(lambda: len(ready_nodes(served)) == 3)
        right = right_answers(served)
        load = Load(served.url, 6, ask)
        until(lambda: len(load.outcomes) > 30)
        nodes.kill(nodes.workers[-1])
        seen = len(load.outcomes)
        until(lambda: len(view_of(served).nodes) == 2)
        until(lambda: len(load.outcomes) > seen + 60)
        outcomes = load.stop()
        lost = [one for one in outcomes if one.error or not one.complete]
        assert [one for one in lost if one.status != 200] == [], "no byte was sent: asked again elsewhere"
        assert all(one.error == "engine_died" for one in lost), lost
        assert len(lost) <= 6
        assert of_another(outcomes, right) == []
        nodes.grow_to(3)
        until(lambda: len(ready_nodes(served)) == 3)


def test_one_replica_becomes_three_and_one_again(nodes: Nodes) -> None:
    nodes.grow_to(3)
    quick = {"add_after_s": 0.5, "remove_after_s": 2}
    with nodes.serving("glimpse", replicas=1, most_replicas=3, target_requests=1, **quick) as served:
        right = right_answers(served)
        load = Load(served.url, 6, ask)
        until(lambda: len(ready_nodes(served)) == 3)
        outcomes = load.stop()
        little = Load(served.url, 1, ask)
        until(lambda: len(view_of(served).nodes) == 1)
        outcomes += little.stop()
    assert [one for one in outcomes if one.error or not one.complete] == []
    assert of_another(outcomes, right) == []
    assert len(outcomes) >= 3 * KINDS


def test_a_gateway_is_killed_and_another_takes_its_place(nodes: Nodes) -> None:
    """The replicas stay as they are, with their models."""
    with nodes.serving("glimpse", gateway="first", replicas=1) as first:
        until(lambda: len(view_of(first).nodes) == 1)
        before = view_of(first)
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(timeout=PATIENCE_S)
        began_s = time.monotonic()
        with nodes.serving("glimpse", gateway="second", replicas=1) as second:
            after = until(lambda: (seen := view_of(second)) and seen.nodes and seen)
            assert time.monotonic() - began_s < 30
            assert [node.replica for node in after.nodes] == [node.replica for node in before.nodes]
            assert [one.pid for one in after.servers] == [one.pid for one in before.servers]
            with nodes.serving("glimpse", gateway="third", replicas=1) as third:
                right = right_answers(third)
            assert right_answers(second) == right, "one gateway stops, and the other keeps its replicas"


def test_no_engine_outlives_its_raylet(nodes: Nodes) -> None:
    """All nodes at once, as when the power of a room fails; last, for no node is left."""
    nodes.grow_to(2)
    with nodes.serving("glimpse", replicas=2, most_replicas=2) as served:
        until(lambda: len(ready_nodes(served)) == 2)
        engines = until(lambda: len(found := engines_below(nodes.home)) >= 2 and found)
        for node in [*nodes.workers]:
            nodes.kill(node)
        assert left_of(engines, within_s=20) == []
