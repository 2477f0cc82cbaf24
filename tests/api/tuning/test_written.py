"""What `tune` writes into the user's settings, and takes back, also from files that are not easy."""

import stat
from pathlib import Path

import pytest

from viewfinder.api.tuning.written import overridden, settings_file, undo, write
from viewfinder.core.config import load_settings
from viewfinder.core.errors import BadRequest

VALUES = {"threads": 3, "flash_attention": "off"}
MINE = (
    b"# mine\r\nport = 1 # one\r\n\r\n[engine_for.glimpse]\r\nthreads = 4\t# four\r\n\r\n"
    b"[fleet]\r\nqueue = 7\r\n"
)


def engine() -> tuple[int, str]:
    now = load_settings().engine_of("glimpse")
    return now.threads, now.flash_attention


def test_it_is_written_and_taken_back_byte_for_byte() -> None:
    file = settings_file()
    file.write_bytes(MINE)
    file.chmod(0o640)
    assert write("glimpse", VALUES, {}, "by tune") == file
    assert engine() == (3, "off")
    written = file.read_bytes()
    assert b"threads = 3\t# four\r\n" in written
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    done = undo("glimpse")
    assert (done.changes, done.left, done.more) == (("threads", "flash_attention"), (), 0)
    assert file.read_bytes() == MINE


def test_other_lines_that_were_edited_since_stay_when_it_is_taken_back() -> None:
    file = settings_file()
    file.write_bytes(MINE)
    write("glimpse", VALUES, {}, "by tune")
    file.write_bytes(file.read_bytes().replace(b"queue = 7", b"queue = 8") + b"# new\r\n")
    assert undo("glimpse").left == ()
    assert file.read_bytes() == MINE.replace(b"queue = 7", b"queue = 8") + b"# new\r\n"


def test_a_setting_that_was_edited_since_stays_and_is_named() -> None:
    file = settings_file()
    file.write_bytes(MINE)
    write("glimpse", VALUES, {}, "by tune")
    file.write_bytes(file.read_bytes().replace(b"threads = 3", b"threads = 1"))
    done = undo("glimpse")
    assert (done.changes, done.left) == (("flash_attention",), ("threads",))
    assert file.read_bytes() == MINE.replace(b"threads = 4", b"threads = 1")


def test_a_file_that_was_not_there_is_made_for_its_owner_alone_and_removed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "new" / "own.toml"
    monkeypatch.setenv("VIEWFINDER_CONFIG", str(file))
    write("glimpse", VALUES, {}, "by tune")
    assert engine() == (3, "off")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    undo("glimpse")
    assert not file.exists()


def test_what_a_link_names_is_changed_and_the_link_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, link = tmp_path / "dotfiles.toml", tmp_path / "link.toml"
    real.write_text("port = 1\n")
    link.symlink_to(real)
    monkeypatch.setenv("VIEWFINDER_CONFIG", str(link))
    write("glimpse", VALUES, {}, "by tune")
    assert link.is_symlink()
    assert "threads = 3" in real.read_text()
    undo("glimpse")
    assert (link.is_symlink(), real.read_text()) == (True, "port = 1\n")


@pytest.mark.parametrize("text", ["engine_for.glimpse.threads = 4\n", "engine_for = { glimpse = {} }\n"])
def test_a_file_that_is_written_another_way_is_left_alone(text: str) -> None:
    file = settings_file()
    file.write_text(text)
    with pytest.raises(BadRequest) as refused:
        write("glimpse", VALUES, {"image_budgets/glimpse/x.json": b"{}"}, "by tune")
    assert '[engine_for.glimpse]\nthreads = 3\nflash_attention = "off"' in refused.value.hint
    assert file.read_text() == text
    assert not (file.parent / "image_budgets").exists()
    with pytest.raises(BadRequest):
        undo("glimpse")


def test_a_file_that_is_read_only_is_left_alone() -> None:
    file = settings_file()
    file.write_bytes(MINE)
    file.chmod(0o400)
    with pytest.raises(BadRequest, match="cannot be written") as refused:
        write("glimpse", VALUES, {}, "by tune")
    assert "threads = 3" in refused.value.hint
    assert file.read_bytes() == MINE
    with pytest.raises(BadRequest, match="Nothing"):
        undo("glimpse")


def test_two_tunings_are_taken_back_one_after_the_other() -> None:
    file = settings_file()
    file.write_bytes(MINE)
    write("glimpse", {"threads": 3}, {}, "by tune")
    once = file.read_bytes()
    write("glimpse", {"threads": 2}, {}, "by tune")
    assert undo("glimpse").more == 1
    assert file.read_bytes() == once
    undo("glimpse")
    assert file.read_bytes() == MINE


def test_the_files_beside_are_taken_back_unless_they_were_measured_again(home: Path) -> None:
    budget = home / "image_budgets" / "glimpse" / "one.json"
    budget.parent.mkdir(parents=True)
    budget.write_text("before")
    path = "image_budgets/glimpse/one.json"
    write("glimpse", {}, {path: b"tuned"}, "by tune")
    assert budget.read_text() == "tuned"
    undo("glimpse")
    assert budget.read_text() == "before"
    write("glimpse", {}, {path: b"tuned", "image_budgets/glimpse/two.json": b"tuned"}, "by tune")
    budget.write_text("measured")
    assert undo("glimpse").left == (path,)
    assert budget.read_text() == "measured"
    assert not (home / "image_budgets" / "glimpse" / "two.json").exists()


def test_a_variable_that_says_something_else_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIEWFINDER_ENGINE_FOR", '{"glimpse": {"threads": 1}}')
    write("glimpse", VALUES, {}, "by tune")
    [said] = overridden("glimpse", VALUES)
    assert said.startswith("threads stays 1: ")
    assert "VIEWFINDER_ENGINE_FOR" in said
