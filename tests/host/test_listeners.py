"""The listener of a port is looked up in the system; its replies prove nothing."""

import os
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from viewfinder.host.listeners import Holder, free_port, holder_of, is_held_by

from ..running_server import running_server

LISTENS = Path(__file__).parents[1] / "children" / "listens.py"


@contextmanager
def listening(address: str, port: int, *options: str) -> Iterator[tuple[int, int]]:
    """Another process that listens, as an engine or a foreign program does; its pid and the port."""
    with subprocess.Popen(
        [sys.executable, str(LISTENS), address, str(port), *options],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process.pid, int(process.stdout.readline().split()[1])
        finally:
            os.killpg(process.pid, 9)


def test_a_free_port_is_one_that_can_be_listened_on_now() -> None:
    port = free_port()
    assert not is_held_by(port, [os.getpid()])
    with socket.create_server(("127.0.0.1", port)):
        assert holder_of(port) == Holder(os.getpid(), psutil.Process().name())


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1"])
def test_a_listener_is_known_by_its_process(address: str) -> None:
    with listening(address, 0) as (pid, port):
        assert is_held_by(port, [pid])
        assert not is_held_by(port, [os.getpid()])
        assert not is_held_by(port, [])
        assert not is_held_by(port + 1, [pid])
    assert not is_held_by(port, [pid])


def test_a_fork_that_has_the_socket_is_of_the_tree() -> None:
    with listening("127.0.0.1", 0, "--fork") as (pid, port):
        tree = [child.pid for child in psutil.Process(pid).children()]
        assert is_held_by(port, [pid, *tree])
        assert not is_held_by(port, [pid])


def test_without_proc_each_process_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with listening("127.0.0.1", 0) as (pid, port):
        assert is_held_by(port, [4_194_305, pid])
        assert not is_held_by(port, [4_194_305, os.getpid()])
        assert not is_held_by(port, [])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_a_port_that_two_processes_share_is_not_ours() -> None:
    """Several engines listen with SO_REUSEPORT: the kernel then gives each half of the connections."""
    with listening("127.0.0.1", 0, "--share") as (pid, port):
        assert is_held_by(port, [pid])
        with listening("127.0.0.1", port, "--share") as (foreign, _):
            assert not is_held_by(port, [pid])
            assert not is_held_by(port, [foreign])
        assert is_held_by(port, [pid])


def test_a_visitor_of_the_port_does_not_listen_there() -> None:
    with listening("127.0.0.1", 0) as (pid, port), socket.create_connection(("127.0.0.1", port)):
        assert is_held_by(port, [pid])
        assert not is_held_by(port, [os.getpid()])


def test_a_running_server_on_the_stolen_port_is_not_ours_and_keeps_running(tmp_path: Path) -> None:
    with running_server(tmp_path / "log") as url:
        port = urllib.parse.urlsplit(url).port
        assert port is not None
        with subprocess.Popen(
            [sys.executable, str(LISTENS), "127.0.0.1", str(port)], stderr=subprocess.DEVNULL
        ) as ours:
            assert not is_held_by(port, [ours.pid])
            assert ours.wait() == 1  # the port was taken
        holder = holder_of(port)
        assert holder.pid is not None
        assert is_held_by(port, [holder.pid])
        with urllib.request.urlopen(f"{url}/health", timeout=10) as reply:  # noqa: S310
            assert reply.status == 200
