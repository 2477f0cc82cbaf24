"""The doctor's checks of the computer, on real sockets, folders and servers."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from viewfinder.api import system_checks
from viewfinder.api.system_checks import disk, hub, left_behind, memory, port
from viewfinder.core.config import FleetSettings, Settings
from viewfinder.host.leftovers import Leftovers, Stray
from viewfinder.host.machine_memory import MachineMemory
from viewfinder.host.records import Identity

GB = 10**9


@pytest.fixture(params=[200, 401, 503])
def answering(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A hub that answers every HEAD with one status."""

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(request.param)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    yield request.param
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_hub_that_answers_can_be_reached(answering: int) -> None:
    found = hub()
    assert found.state == ("note" if answering == 503 else "good")
    assert "127.0.0.1" in found.says


def test_a_hub_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(system_checks, "HUB_TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        found = hub()
    assert found.state == "note"
    assert "cannot be reached" in found.says


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [("HF_HUB_OFFLINE", "1", "note"), ("HF_ENDPOINT", "file:///etc/passwd", "fix")],
)
def test_a_hub_that_is_turned_off_is_not_contacted(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, state: str
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv(name, value)
    found = hub()
    assert (found.state, found.command) == (state, f"unset {name}")


def test_a_port_that_is_free_or_held() -> None:
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        taken = foreign.getsockname()[1]
        found = port(Settings(port=taken))
        assert found.state == "note"
        assert f"Port {taken} is used by" in found.says
        assert found.command == "viewfinder serve --port 0"
    assert port(Settings(port=taken)).state == "good"


def test_an_address_that_is_not_ours_is_broken() -> None:
    assert port(Settings(host="192.0.2.1", port=0)).state == "fix"


@pytest.mark.parametrize(("free_bytes", "state"), [(50 * GB, "good"), (5 * GB, "note"), (10**8, "fix")])
def test_a_disk_is_judged_by_its_free_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_bytes: int, state: str
) -> None:
    usage = type("Usage", (), {"free": free_bytes})
    monkeypatch.setattr(system_checks.shutil, "disk_usage", lambda place: usage)
    found = disk("disk", tmp_path / "not" / "made yet")
    assert found.state == state
    assert (found.command == "") == (state == "good")


def test_a_folder_that_cannot_be_written_to_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_checks.os, "access", lambda place, mode: False)  # root may write everywhere
    found = disk("disk", tmp_path)
    assert found.state == "fix"
    assert str(tmp_path) in found.command


@pytest.mark.parametrize(("free_bytes", "state"), [(8 * GB, "good"), (GB, "note")])
def test_memory_that_is_short_is_noted(monkeypatch: pytest.MonkeyPatch, free_bytes: int, state: str) -> None:
    here = MachineMemory(16 * GB, free_bytes, 16 * GB)
    monkeypatch.setattr(system_checks, "machine_memory", lambda: here)
    found = memory(FleetSettings())
    assert (found.state, "limit" in found.says) == (state, False)


def test_the_memory_of_a_container_is_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    here = MachineMemory(4 * GB, 3 * GB, 64 * GB)
    monkeypatch.setattr(system_checks, "machine_memory", lambda: here)
    monkeypatch.setattr("viewfinder.fleet.budget.memory_total_bytes", lambda: 4 * GB)
    found = memory(FleetSettings())
    assert found.says == (
        "3.0 GB of 4.0 GB are free, by the limit of this container or service (the computer has 64.0 GB); "
        "models may use 3.2 GB together."
    )


def test_abandoned_engines_are_to_fix_and_old_folders_are_a_note() -> None:
    strays = tuple(Stray(Identity(pid=pid, started=1), "0123456789abcdef") for pid in (9, 10))
    proven, doubtful, folders = left_behind(Leftovers(strays, (11, 12), (Path("x"),)))
    assert (proven.state, proven.command) == ("fix", "kill 9 10")
    assert (doubtful.state, doubtful.command) == ("fix", "kill 11 12")
    assert folders.state == "note"
    (nothing,) = left_behind(Leftovers())
    assert nothing.state == "good"
