"""What is said when no node of a cluster has room for a replica."""

import logging
import threading
from typing import Any

import pytest

from viewfinder.cluster import waiting
from viewfinder.cluster.waiting import told_while_waiting, waits_for

NEEDED = {"CPU": 2.0, "GPU": 0.0, "memory": 3.2e9}


def node(*, alive: bool = True, **resources: float) -> dict[str, Any]:
    return {"Alive": alive, "Resources": resources}


@pytest.mark.parametrize(
    "nodes",
    [
        [],
        [node(CPU=1.0, memory=8e9), node(CPU=8.0, memory=2e9)],
        [node(alive=False, CPU=8.0, memory=8e9)],
        [node(memory=8e9)],
    ],
)
def test_what_no_node_has_is_named_with_the_way_out(nodes: list[dict[str, Any]]) -> None:
    said = waits_for(NEEDED, nodes)
    assert "No node of the cluster has what a replica needs: 2 CPUs, 3.2 GB of memory." in said
    assert "cluster.cpus" in said


def test_where_a_node_would_do_others_may_use_it_now() -> None:
    said = waits_for(NEEDED, [node(CPU=1.0), node(CPU=4.0, memory=4e9)])
    assert said.startswith("Still waiting for the first replica, which needs 2 CPUs, 3.2 GB of memory")
    assert "ray status" in said


def test_it_is_said_once_and_only_while_it_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(waiting, "TELL_AFTER_S", 0.01)
    looked = threading.Event()

    def nodes() -> list[dict[str, Any]]:
        looked.set()
        return []

    with caplog.at_level(logging.WARNING):
        with told_while_waiting(NEEDED, nodes):
            assert looked.wait(10)
            for timer in [one for one in threading.enumerate() if isinstance(one, threading.Timer)]:
                timer.join(10)
        monkeypatch.setattr(waiting, "TELL_AFTER_S", 60.0)
        with told_while_waiting(NEEDED, nodes):
            pass
    assert [record.levelname for record in caplog.records] == ["WARNING"]
