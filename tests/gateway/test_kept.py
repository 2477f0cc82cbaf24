"""The store of conversations: who sees what, for how long, and what a full disk, a kill or another process
does to it."""

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from viewfinder.core.config import ResponsesSettings
from viewfinder.core.errors import ViewfinderError
from viewfinder.gateway.kept import KeptTurns
from viewfinder.gateway.kept_file import FILE
from viewfinder.gateway.kept_store import ChainTooLong, NotKept, Turn, sha256_of
from viewfinder.wire.long_text import LongText

IMAGE = LongText((b"data:image/png;base64," + b"A" * 50_000,))
SHA256 = sha256_of(IMAGE)


Open = Callable[..., KeptTurns]


class Clock:
    now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


def id_of(number: int) -> str:
    return f"resp_{number:032x}"


def turn(
    number: int, previous: int | None = None, *, owner: str = "", text: str = "Hi.", **more: Any
) -> Turn:
    return Turn(
        id=id_of(number),
        owner=owner,
        previous=None if previous is None else id_of(previous),
        items=[{"type": "message", "role": "user", "content": f"{text} {number}"}],
        inputs=1,
        response={"id": id_of(number)},
        **more,
    )


def shown(number: int, previous: int | None = None) -> Turn:
    """A turn with an image."""
    part = {"type": "input_image", "image_url": {"sha256": SHA256}, "detail": "auto"}
    made = turn(number, previous, images={SHA256: IMAGE})
    items = [{"type": "message", "role": "user", "content": [part]}]
    return Turn(made.id, made.owner, made.previous, items, 1, made.response, made.images)


def said(
    kept: KeptTurns, number: int, owner: str = "", most: int = 100, most_bytes: int = 10_000
) -> list[str]:
    chain = kept.chain(owner, id_of(number), most, most_bytes)
    return [item["content"] for one in chain for item in one.items]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(tmp_path: Path, clock: Clock) -> Iterator[Open]:
    """Opens stores, by default in the same folder, and closes them."""
    with ExitStack() as stack:

        def open_one(keep_bytes: int = 1_000_000, folder: Path = tmp_path / "responses") -> KeptTurns:
            made = KeptTurns(folder, ResponsesSettings(keep_bytes=keep_bytes), clock)
            stack.callback(made.close)
            return made

        yield open_one


@pytest.fixture
def kept(opened: Open) -> KeptTurns:
    return opened()


def test_a_conversation_is_its_turns_in_order(kept: KeptTurns) -> None:
    for number in (1, 2, 3):
        kept.put(turn(number, number - 1 or None))
    kept.put(turn(4, 1))  # another way to continue
    assert said(kept, 3) == ["Hi. 1", "Hi. 2", "Hi. 3"]
    assert said(kept, 4) == ["Hi. 1", "Hi. 4"]
    assert said(kept, 9) == []


def test_only_the_owner_sees_it(kept: KeptTurns) -> None:
    kept.put(turn(1, owner="ann"))
    kept.put(turn(2, 1, owner="bob"))  # who has guessed the id gets nothing by it
    assert said(kept, 1, "ann") == ["Hi. 1"]
    assert said(kept, 1, "bob") == said(kept, 2, "bob") == said(kept, 1) == []
    assert kept.get("bob", id_of(1)) is None
    assert not kept.delete("bob", id_of(1))
    assert kept.get("ann", id_of(1)) is not None


def test_files_are_private(kept: KeptTurns, tmp_path: Path) -> None:
    kept.put(turn(1))
    assert (tmp_path / "responses").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "responses").iterdir()} == {0o600}


def test_nothing_is_written_before_something_is_kept(kept: KeptTurns, tmp_path: Path) -> None:
    assert kept.get("", id_of(1)) is None
    kept.tidy()
    assert not (tmp_path / "responses").exists()


def test_it_ends_after_its_time_and_each_turn_prolongs_it(kept: KeptTurns, clock: Clock) -> None:
    kept.put(shown(1))
    kept.put(turn(9))
    clock.now_s += 3000
    kept.put(turn(2, 1))
    clock.now_s += 3000
    assert len(kept.chain("", id_of(2), 100, 10_000)) == 2
    assert kept.get("", id_of(9)) is None  # even before it is deleted
    kept.tidy()
    clock.now_s += 3000
    kept.tidy()
    assert kept.image(SHA256) is None
    assert said(kept, 2) == []


def test_a_clock_that_was_set_back_keeps_nothing_longer(kept: KeptTurns, clock: Clock) -> None:
    kept.put(turn(1))
    clock.now_s -= 10_000
    assert kept.get("", id_of(1)) is None
    kept.tidy()
    clock.now_s += 10_000
    assert kept.get("", id_of(1)) is None


def test_the_oldest_go_first_when_there_is_no_room(opened: Open, tmp_path: Path, clock: Clock) -> None:
    kept = opened(400_000)
    for number in range(1, 101):
        clock.now_s += 1
        kept.put(turn(number, text="x" * 20_000))
    ids = [number for number in range(1, 101) if kept.get("", id_of(number))]
    assert ids == list(range(ids[0], 101))
    assert 5 < len(ids) < 20
    kept.close()  # what is in its log belongs to the file
    assert (tmp_path / "responses" / FILE).stat().st_size <= 400_000


def test_what_can_never_have_room_is_told(opened: Open) -> None:
    kept = opened(100_000)
    kept.put(turn(1))
    with pytest.raises(NotKept, match="keep_bytes"):
        kept.put(turn(2, text="x" * 200_000))
    assert "keep_bytes" in kept.why_not(id_of(2))
    assert said(kept, 1) == ["Hi. 1"]


def test_one_image_is_stored_once_and_goes_with_its_last_turn(kept: KeptTurns, tmp_path: Path) -> None:
    kept.put(shown(1))
    kept.put(shown(2))
    found = kept.image(SHA256)
    assert found is not None
    assert str(found) == str(IMAGE)
    assert kept.delete("", id_of(1))
    assert kept.image(SHA256) is not None
    assert kept.delete("", id_of(2))
    assert kept.image(SHA256) is None
    assert not any(b"A" * 100 in file.read_bytes() for file in (tmp_path / "responses").iterdir())


def test_a_large_image_is_written_and_read_in_pieces(kept: KeptTurns, opened: Open, tmp_path: Path) -> None:
    store = opened(30_000_000)
    large = LongText(tuple(bytes([65 + at]) * 700_000 for at in range(20)))
    sha256 = sha256_of(large)
    part = {"type": "input_image", "image_url": {"sha256": sha256}, "detail": "auto"}
    items = [{"type": "message", "role": "user", "content": [part]}]
    store.put(Turn(id_of(1), "", None, items, 1, {}, {sha256: large}))
    found = store.image(sha256)
    assert found is not None
    assert b"".join(found.pieces) == b"".join(large.pieces)
    assert max(map(len, found.pieces)) == 2**20


def test_without_an_earlier_turn_the_rest_is_no_conversation(kept: KeptTurns) -> None:
    for number in (1, 2, 3):
        kept.put(turn(number, number - 1 or None))
    assert kept.delete("", id_of(1))
    assert said(kept, 3) == []
    assert kept.get("", id_of(3)) is not None


def test_a_conversation_that_is_too_long_is_not_read(kept: KeptTurns) -> None:
    for number in range(1, 12):
        kept.put(turn(number, number - 1 or None))
    assert len(said(kept, 11, most=11)) == 11
    with pytest.raises(ChainTooLong):
        said(kept, 11, most=10)
    with pytest.raises(ChainTooLong):
        said(kept, 11, most_bytes=500)


def test_a_suspect_answer_stays_one_after_a_restart(kept: KeptTurns, opened: Open) -> None:
    kept.put(turn(1))
    kept.suspect([id_of(1), "chatcmpl-1"], "wrong color")
    kept.close()
    again = opened()
    assert [one.suspect for one in again.chain("", id_of(1), 9, 9999)] == ["wrong color"]


def test_a_full_disk_is_told_and_what_was_kept_stays(kept: KeptTurns, tmp_path: Path) -> None:
    kept.put(turn(1))
    database = kept.store._opened()
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages}")  # what SQLite says of a full disk
    with pytest.raises(NotKept, match="full"):
        kept.put(shown(2))
    assert "full" in kept.why_not(id_of(2))
    assert said(kept, 1) == ["Hi. 1"]
    database.execute("PRAGMA max_page_count = 100000")
    kept.put(shown(2))
    assert kept.image(SHA256) is not None


def test_a_folder_that_cannot_be_made_is_told(kept: KeptTurns, tmp_path: Path) -> None:
    (tmp_path / "responses").write_text("not a folder")
    with pytest.raises(NotKept, match="not a folder"):
        kept.put(turn(1))


@pytest.mark.parametrize("where", [0, 100, 5000])
def test_a_damaged_file_is_replaced(kept: KeptTurns, opened: Open, tmp_path: Path, where: int) -> None:
    kept.put(shown(1))
    kept.close()
    with (tmp_path / "responses" / FILE).open("r+b") as file:
        file.seek(where)
        file.write(b"\xff" * 8000)
    again = opened()
    for _ in range(2):  # the first one that notices may fail
        try:
            again.put(shown(2))
            assert again.chain("", id_of(2), 9, 9999)
            break
        except (NotKept, ViewfinderError):
            again = opened()
    assert again.chain("", id_of(2), 9, 9999)


def test_two_processes_take_turns(opened: Open) -> None:
    one, other = opened(), opened()
    for number in range(1, 21):
        (one if number % 2 else other).put(turn(number, number - 1 or None))
    assert said(one, 20) == said(other, 20) == [f"Hi. {number}" for number in range(1, 21)]


WRITER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from tests.gateway.test_kept import ResponsesSettings, KeptTurns, shown, turn
    kept = KeptTurns(Path(sys.argv[1]), ResponsesSettings())
    for number in range(1, 10_000):
        kept.put(shown(number) if number % 2 else turn(number, number - 1))
        print(number, flush=True)
    """
)


def test_a_kill_in_a_write_loses_no_turn_that_was_kept(tmp_path: Path) -> None:
    """What a client was told to be kept is there after SIGKILL at any moment, and the file is sound."""
    for killed_at in (21, 32, 43):
        folder = tmp_path / str(killed_at)
        command = [sys.executable, "-c", WRITER, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()) as process:
            assert process.stdout is not None
            last = 0
            for line in process.stdout:
                last = int(line)
                if last == killed_at:
                    process.kill()
        kept = KeptTurns(folder, ResponsesSettings())
        for number in range(1, last + 1):
            assert kept.chain("", id_of(number), 9, 99_999), number
        assert kept.store._opened().execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept.close()


@pytest.mark.parametrize("text", ["' OR 1=1 --", "resp_%", "\x00", "../../etc/passwd", "x" * 10_000])
def test_ids_are_values_never_sql(kept: KeptTurns, text: str) -> None:
    kept.put(turn(1))
    assert kept.get("", text) is None
    assert kept.get(text, id_of(1)) is None
    assert not kept.delete("", text)
    assert kept.chain(text, text, 9, 99) == []
    assert said(kept, 1) == ["Hi. 1"]
