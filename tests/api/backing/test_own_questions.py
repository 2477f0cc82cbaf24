"""Rated answers become questions that the real `bench --vqa` reads."""

import asyncio
import errno
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from viewfinder.api.backing import own_questions
from viewfinder.api.backing.own_questions import QuestionFolder
from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest, InvalidImage, ViewfinderError
from viewfinder.dashboard.backing import RatedAnswer
from viewfinder.measure.measures.own_images import MEASURE as OWN
from viewfinder.measure.measures.own_images.ask import prepared
from viewfinder.measure.measures.own_images.questions import read_folder
from viewfinder.media.intake import Intake
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.messages import data_url
from viewfinder.scenes.scene import make_scene

pytestmark = pytest.mark.asyncio(loop_scope="module")


def picture(seed: str) -> str:
    return data_url("png", encode_png(make_scene(seed, things=1, longest=(64, 64))))


RIGHT = RatedAnswer(picture("one"), "What color is it?", "Red.", right=True, model="glimpse")
WRONG = replace(RIGHT, answer="A green one.", right=False)


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file, also those of another name."""
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def intake() -> AsyncIterator[Intake]:
    async with Intake(Limits()) as intake:
        yield intake


@pytest.fixture
def folder(home: Path) -> Path:
    return home / "questions"


@pytest.fixture
def questions(folder: Path, intake: Intake) -> QuestionFolder:
    return QuestionFolder(folder, intake)


async def test_rows_are_read_by_bench_as_they_are(questions: QuestionFolder, folder: Path) -> None:
    assert (await questions.kept()).questions == 0
    assert contents(folder) == {}, "looking makes no folder"
    hostile = 'Is this a "test",\n=HYPERLINK("x")| \u202eor\x1b[2J <b>not</b>?'
    await questions.rate(RIGHT)
    await questions.rate(replace(WRONG, question=hostile, right_answer="no | yes"))
    outcome = await questions.rate(replace(RIGHT, image=picture("two")))
    assert (outcome.kept.questions, outcome.kept.pictures) == (3, 2)

    read = read_folder(folder)
    asked = {(one.question, one.answers) for one in read.questions}
    assert ("What color is it?", ("Red.",)) in asked
    assert (" ".join(hostile.split()), ("no | yes",)) in asked
    counts = await prepared(OWN.counts["quick"], folder, Limits())
    assert (counts.questions, counts.total) == (3, 3), "every picture can be sent"
    assert all(file.stat().st_mode & 0o077 == 0 for file in contents(folder)), "the user's alone"


async def test_a_question_is_kept_once_with_every_right_answer(
    questions: QuestionFolder, folder: Path
) -> None:
    await questions.rate(RIGHT)
    again = await questions.rate(replace(RIGHT, answer="red"))
    assert (again.is_new, again.answers) == (False, ("Red.",)), "the same words for VQA v2"
    other = await questions.rate(replace(WRONG, right_answer="crimson"))
    assert (other.is_new, other.answers) == (True, ("Red.", "crimson"))
    assert len([file for file in contents(folder) if file.parent.name == "images"]) == 1
    assert len(read_folder(folder).questions) == 1


async def test_a_wrong_answer_waits_until_somebody_says_what_is_right(
    questions: QuestionFolder, folder: Path
) -> None:
    waits = await questions.rate(WRONG)
    assert (waits.asked, waits.kept.questions, waits.kept.without_answer) == (False, 0, 1)
    told = await questions.rate(replace(WRONG, right_answer="red"))
    assert (told.asked, told.kept.questions, told.kept.without_answer) == (True, 1, 0)
    still = await questions.rate(WRONG)
    assert (still.asked, still.kept.without_answer) == (True, 0), "what is right is known"
    assert read_folder(folder).questions[0].answers == ("red",)


@pytest.mark.parametrize(
    ("rated", "code"),
    [
        (replace(RIGHT, answer="It is a red circle, as far as I can tell from what there is to see."),
         "answer_too_long"),
        (replace(RIGHT, answer=" \n"), "invalid_request"),
        (replace(RIGHT, answer="the ..."), "invalid_request"),
        (replace(RIGHT, question="\u2028"), "invalid_request"),
        (replace(RIGHT, question="x" * 2001), "invalid_request"),
        (replace(RIGHT, image="/etc/passwd"), "media_url_forbidden"),
        (replace(RIGHT, image="http://127.0.0.1/x.png"), "media_url_forbidden"),
        (replace(RIGHT, image="data:image/png;base64,aGVsbG8="), "invalid_image"),
    ],
)  # fmt: skip
async def test_what_bench_could_not_ask_is_refused(
    questions: QuestionFolder, folder: Path, rated: RatedAnswer, code: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        await questions.rate(rated)
    assert refused.value.reason == code
    assert isinstance(refused.value, InvalidImage) == ("image" in code or "media" in code)
    assert contents(folder) == {}


async def test_a_full_disk_loses_nothing(
    questions: QuestionFolder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await questions.rate(RIGHT)
    before = contents(folder)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(own_questions.os, "fsync", full)
    with pytest.raises(ViewfinderError) as refused:
        await questions.rate(replace(RIGHT, image=picture("two")))
    assert refused.value.reason == "disk_full"
    assert contents(folder) == before


async def test_a_full_folder_says_what_to_do(
    questions: QuestionFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_questions, "MOST_QUESTIONS", 1)
    await questions.rate(RIGHT)
    with pytest.raises(BadRequest, match="viewfinder bench --vqa FOLDER") as refused:
        await questions.rate(replace(RIGHT, question="And now?"))
    assert refused.value.reason == "questions_full"


async def test_a_table_that_a_person_changed_is_used_or_stays(
    questions: QuestionFolder, folder: Path
) -> None:
    await questions.rate(RIGHT)
    table = folder / "questions.jsonl"
    row = json.loads(table.read_text())
    table.write_text(json.dumps({**row, "answers": None, "note": "mine"} | {"answers": ["crimson"]}) + "\n\n")
    outcome = await questions.rate(RIGHT)
    assert outcome.answers == ("crimson", "Red.")
    assert json.loads(table.read_text())["note"] == "mine"

    table.write_text("not mine to lose\n")
    with pytest.raises(BadRequest, match="stays as it is"):
        await questions.rate(replace(RIGHT, question="Another?"))
    assert table.read_text() == "not mine to lose\n"


async def test_what_a_bench_asks_stays_while_more_is_rated(questions: QuestionFolder, folder: Path) -> None:
    """A rating in the middle of a run changed its questions, and the run was stopped."""
    await questions.rate(RIGHT)
    copy = Path(await questions.snapshot())
    before = read_folder(copy).digest(1)
    assert copy.name == folder.name, "the guide names both alike"
    await questions.rate(replace(RIGHT, question="And now?"))
    await questions.rate(replace(WRONG, right_answer="crimson"))
    assert len(read_folder(folder).questions) == 2
    assert read_folder(copy).digest(1) == before
    other = await questions.snapshot()
    assert other == await questions.snapshot() != str(copy)
    for number in range(5):
        await questions.rate(replace(RIGHT, question=f"Number {number}?"))
        last = await questions.snapshot()
    kept = {file.parent for file in contents(folder / "asked") if file.name == "questions.jsonl"}
    assert len(kept) == 5
    assert Path(last) in kept
    assert copy not in kept


async def test_many_at_once_are_all_kept(questions: QuestionFolder) -> None:
    await asyncio.gather(*(questions.rate(replace(RIGHT, question=f"Number {n}?")) for n in range(20)))
    assert (await questions.kept()).questions == 20
