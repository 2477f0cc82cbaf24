"""The file that tells of a death: all that helps, nothing that was said to the model."""

import itertools
import json
import logging
import os
import signal
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.errors import EngineDied
from viewfinder.core.paths import folders
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.record.post_mortem import (
    CURVE_POINTS,
    KEPT_FILES,
    LAST_LINES,
    PostMortem,
    thinned,
    without_keys,
    write_post_mortem,
)
from viewfinder.fleet.record.request_shape import RequestShape
from viewfinder.host.child import Exit

AT = datetime(2026, 11, 22, 16, 5, 1, tzinfo=UTC)
DEATH = PostMortem(
    model="glimpse",
    variant="llama.cpp-f16",
    engine="llama.cpp",
    engine_version="2026.10.1",
    command=("llama-server", "--model", "/m.gguf", "--api-key", "hunter2"),
    pid=4711,
    exit=Exit(None, signal.SIGKILL),
    reason="The engine of 'glimpse' ended.",
    up_s=12.3456,
    last_words="loading\n" * 50 + "\x1b[31mout of memory\x1b[0m\n",
    memory=[(number / 10, number * 1000) for number in range(1000)],
    requests=[RequestShape(images=1, pixels=262_144, characters=21, max_tokens=64, stream=True)],
    known_issue="It is known to do that.",
)


def test_it_tells_what_ran_how_it_ended_and_what_it_was_doing(tmp_path: Path) -> None:
    file = write_post_mortem(tmp_path, DEATH, at=AT)
    assert file is not None
    assert file.name == "glimpse-20261122T160501.000000Z-4711.json"
    told = json.loads(file.read_text())
    assert told["exit"]["signal"] == 9
    assert "killed, most often because memory ran out" in told["exit"]["explanation"]
    assert set(told["versions"]) == {"llama.cpp", "viewfinder", "python", "system"}
    assert told["requests"] == [
        {"images": 1, "pixels": 262_144, "characters": 21, "max_tokens": 64, "stream": True}
    ]
    assert (told["up_s"], told["known_issue"]) == (12.346, "It is known to do that.")
    assert len(told["last_lines"]) == LAST_LINES
    assert told["last_lines"][-1] == "\\x1b[31mout of memory\\x1b[0m"
    assert told["memory"][-1] == [99.9, 999_000]
    assert "hunter2" not in file.read_text()


def test_a_model_may_have_any_name(tmp_path: Path) -> None:
    file = write_post_mortem(tmp_path, replace(DEATH, model="../../llava:7b mine"), at=AT)
    assert file is not None
    assert file.parent == tmp_path
    assert file.name.startswith("llava-7b-mine-")


def test_the_newest_are_kept(tmp_path: Path) -> None:
    for number in range(KEPT_FILES + 5):
        at = AT + timedelta(seconds=number)
        file = write_post_mortem(tmp_path, replace(DEATH, pid=number), at=at)
        assert file is not None
        os.utime(file, (number, number))
    last = write_post_mortem(tmp_path, replace(DEATH, pid=9999), at=AT)
    left = {int(file.stem.rpartition("-")[2]) for file in tmp_path.iterdir()}
    assert left == {*range(6, KEPT_FILES + 5), 9999}
    assert last is not None


def test_a_disk_that_takes_nothing_costs_the_file_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, text: str) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with caplog.at_level(logging.WARNING):
        assert write_post_mortem(tmp_path, DEATH) is None
        assert write_post_mortem(Path("/dev/null"), DEATH) is None
    assert "No space left" in caplog.text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("points", [0, 1, CURVE_POINTS, CURVE_POINTS + 1, 10_000])
def test_a_curve_is_thinned_evenly_and_keeps_its_end(points: int) -> None:
    curve = [(float(number), number) for number in range(points)]
    thin = thinned(curve)
    assert len(thin) <= CURVE_POINTS
    assert thin[-1:] == curve[-1:]
    assert len({right[1] - left[1] for left, right in itertools.pairwise(thin)}) <= 1


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["x", "--api-key", "secret", "-v"], ["x", "--api-key", "***", "-v"]),
        (["x", "--api-key=secret"], ["x", "--api-key=***"]),
        (["x", "--hf-token", "secret"], ["x", "--hf-token", "***"]),
        (["x", '{"api_key": "secret", "n": 1}'], ["x", '{"api_key": "***", "n": 1}']),
        (["x", "--monkey-business=3"], ["x", "--monkey-business=3"]),
    ],
)
def test_keys_of_a_command_are_masked(command: list[str], shown: list[str]) -> None:
    assert without_keys(command) == shown


async def test_a_real_death_is_written_down_with_what_it_was_doing() -> None:
    shape = RequestShape(images=1, pixels=262_144, characters=21, max_tokens=64, stream=True)
    async with Fleet(Catalog(), Settings(), folders()) as fleet:
        async with await fleet.acquire("glimpse", shape) as lease:
            (server,) = fleet.view().servers
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            await lease.report(EngineDied("The connection broke."))
        (death,) = (event for event in fleet.events.recent if event.kind == "death")
    told = json.loads(Path(death.details["post_mortem"]).read_text())  # noqa: ASYNC240
    assert (told["model"], told["variant"], told["pid"]) == ("glimpse", "llama.cpp-f16", server.pid)
    assert told["exit"]["signal"] == signal.SIGKILL
    assert told["requests"] == [asdict(shape)]
    assert ".gguf" in " ".join(told["command"])
    assert told["versions"]["llama.cpp"] == server.engine_version
    assert told["up_s"] >= 0
    assert told["last_lines"]
