"""A build from download to use, with stand-ins for pip and CMake; its program runs the wheel's llama.cpp."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from viewfinder.api.building import checking
from viewfinder.api.building.build import BuildOrder, build_llama_cpp, remove_build, use_build
from viewfinder.api.building.checking import SameAnswers
from viewfinder.cli.main import app
from viewfinder.core.config import load_settings
from viewfinder.core.errors import AlreadyRunning, BadRequest, EngineError
from viewfinder.core.native_build import builds_folder, native_build_in_use, native_builds, processor_mark

from .conftest import Plan


def quiet(doing: str, share: float | None) -> None:
    pass


def left() -> list[str]:
    """The folders of builds, whole ones and those in progress."""
    return sorted(one.name for one in builds_folder().iterdir() if one.is_dir())


def installed(name: str, mark: str = "") -> Path:
    folder = builds_folder() / name
    folder.mkdir(parents=True)
    (folder / "llama-server").write_text("")
    facts = {"processor": "that one", "processor_mark": mark or processor_mark()}
    facts["gains"] = {"text": {"value": 1.8}, "picture": {"value": 1.34}}  # type: ignore[assignment]
    (folder / "build.json").write_text(json.dumps(facts))
    return folder / "llama-server"


def test_a_build_is_checked_measured_and_used(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "PAIRS", 2)
    monkeypatch.setattr(checking, "EACH", 1)
    done: list[tuple[str, float | None]] = []
    made = build_llama_cpp(BuildOrder(scenes=4, jobs=1), lambda *step: done.append(step))
    assert made.facts["parity"] | {"differences": ()} == {
        "asked": 4,
        "same": 4,
        "right_wheel": made.facts["parity"]["right_native"],
        "right_native": made.facts["parity"]["right_wheel"],
        "differences": (),
    }
    assert made.facts["parity"]["right_wheel"] >= 3
    assert set(made.facts["gains"]) == {"text", "picture"}
    assert ("compiling llama.cpp 11434", 1.0) in done
    assert load_settings().engine.llama_server == made.program
    assert left() == [made.name]  # the folder of the build is gone
    use_build("wheel")
    assert load_settings().engine.llama_server is None


def test_a_compile_error_is_shown_and_nothing_is_installed(plan: Plan) -> None:
    plan.set("a.cpp:3:1: error: 'x' was not declared")
    with pytest.raises(EngineError, match=r"a\.cpp:3:1: error: 'x' was not declared") as failed:
        build_llama_cpp(BuildOrder(), quiet)
    assert failed.value.reason == "build_failed"
    assert "build.log" in failed.value.hint
    assert native_builds() == []


def test_what_was_downloaded_is_kept_for_the_next_build(plan: Plan) -> None:
    plan.set("error: no")
    for _ in range(2):
        with pytest.raises(EngineError):
            build_llama_cpp(BuildOrder(), quiet)
    assert [call.split()[0] for call in plan.calls()].count("pip") == 1


def test_a_disk_that_fills_up_is_named(plan: Plan) -> None:
    plan.set("fatal error: error writing to a.s: No space left on device")
    with pytest.raises(EngineError, match="the disk is full") as failed:
        build_llama_cpp(BuildOrder(), quiet)
    assert failed.value.reason == "disk_full"


def test_too_little_room_is_said_before_anything_is_downloaded(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(10_000_000))
    with pytest.raises(EngineError, match=r"1\.0 GB"):
        build_llama_cpp(BuildOrder(), quiet)
    assert plan.calls() == []


def test_sources_that_are_too_old_are_refused_before_they_are_compiled(plan: Plan) -> None:
    plan.set(build="9000")
    with pytest.raises(EngineError, match=r"9000; 10434 or later is needed"):
        build_llama_cpp(BuildOrder(), quiet)
    assert not any(call.startswith("cmake") for call in plan.calls())


def test_ctrl_c_stops_the_compiler_and_keeps_what_was_built(plan: Plan) -> None:
    plan.set("wait")

    def interrupt_once_it_compiles(doing: str, share: float | None) -> None:
        if share:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        build_llama_cpp(BuildOrder(), interrupt_once_it_compiles)
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(builds_folder()) not in listed
    assert native_builds() == []
    [kept] = left()
    assert kept.startswith("building-newest-")
    assert list((builds_folder() / kept).glob("*.tar.gz"))


def test_two_builds_at_once_are_refused(plan: Plan) -> None:
    builds_folder().mkdir(parents=True)
    with (builds_folder() / "building.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(AlreadyRunning):
            build_llama_cpp(BuildOrder(), quiet)


def test_a_build_that_answers_worse_is_not_used() -> None:
    checking.require_as_good(SameAnswers(asked=100, same=90, right_wheel=98, right_native=96, differences=()))
    worse = SameAnswers(asked=100, same=90, right_wheel=98, right_native=95, differences=())
    with pytest.raises(EngineError, match="95 of 100 known questions right") as failed:
        checking.require_as_good(worse)
    assert failed.value.reason == "build_wrong"


def test_on_another_processor_a_build_is_left_alone() -> None:
    installed("here")
    installed("elsewhere", "another")
    use_build("here")
    assert load_settings().engine.llama_server == builds_folder() / "here" / "llama-server"
    with pytest.raises(BadRequest, match="built for another processor: that one"):
        use_build("elsewhere")
    (builds_folder() / "in-use").write_text("elsewhere")
    assert native_build_in_use() is None
    assert load_settings().engine.llama_server is None


def test_the_users_own_program_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    installed("here")
    use_build("here")
    monkeypatch.setenv("VIEWFINDER_ENGINE__SLOTS", "3")
    engine = load_settings().engine
    assert (engine.slots, engine.llama_server) == (3, builds_folder() / "here" / "llama-server")
    monkeypatch.setenv("VIEWFINDER_ENGINE__LLAMA_SERVER", "/mine")
    assert load_settings().engine.llama_server == Path("/mine")


def test_a_removed_build_is_not_used_any_more() -> None:
    installed("here")
    use_build("here")
    remove_build("here")
    assert (native_builds(), load_settings().engine.llama_server) == ([], None)


def test_the_commands_list_use_and_remove() -> None:
    installed("here")

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["engine", *words], catch_exceptions=False)
        assert done.exit_code == 0
        return done.stdout

    assert "x 1.80" in run("list")
    run("use", "here")
    wheel, here = json.loads(run("--json"))
    assert (wheel["in_use"], here["in_use"], here["runs_here"]) == (False, True, True)
    run("rm", "here")
    assert [one["name"] for one in json.loads(run("list", "--json"))] == ["wheel"]
