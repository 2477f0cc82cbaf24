"""The user's own questions: the checks before a run, the prompts, and the scores of the answers.

Whole runs with them are in `tests/api/test_measuring.py`.
"""

import base64
import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.client.exchange import Exchange
from viewfinder.core.config import Limits
from viewfinder.core.errors import ViewfinderError
from viewfinder.measure.deadline import TimeIsUp
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.base import DEPTHS
from viewfinder.measure.measures.own_images import MEASURE
from viewfinder.measure.measures.own_images.ask import MOST_THUMBNAILS, prepared, require_unchanged
from viewfinder.measure.measures.own_images.counts import COUNTS, OwnImagesCounts
from viewfinder.measure.measures.own_images.faulty import Faulty
from viewfinder.measure.measures.own_images.result import OwnImages
from viewfinder.measure.measures.own_images.score import in_one, is_right
from viewfinder.measure.measures.registry import measures
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.prompts import Prompt
from viewfinder.measure.statistics.clusters import share
from viewfinder.measure.statistics.intervals import wilson
from viewfinder.measure.store.rows import ProcessOutcome, Sample
from viewfinder.measure.subject import Subject
from viewfinder.measure.suite import suite_named

MINE = OwnImagesCounts(questions=50, budget_s=60.0, folder="/pictures/mine", total=60)
VARIANT = Variant(name="v", engine="e", repo="r", vision=True, text=True)


def png(color: str = "red", size: tuple[int, int] = (40, 30)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, "PNG")
    return file.getvalue()


def folder_of(tmp_path: Path, images: dict[str, bytes], rows: str = "") -> Path:
    for name, data in images.items():
        (tmp_path / name).write_bytes(data)
    lines = rows or "".join(f"{name},What color is it?,red\n" for name in images)
    (tmp_path / "questions.csv").write_text(f"image,question,answer\n{lines}")
    return tmp_path


def said(text: str, *answers: str, image: str = "a.png", error: str = "") -> Sample:
    exchange = Exchange(started_s=0.0, finished_s=1.0, text=text, error=error)
    right = not error and is_right(answers, text)
    return Sample("run", "m", 3, "vqa", "?", exchange, scene=image, expected=in_one(answers), right=right)


def found(*asked: Sample) -> OwnImages:
    result = MEASURE.find([ProcessLog(0, asked)], MINE, VARIANT)
    assert isinstance(result, OwnImages)
    return result


def of(figure: object) -> Figure:
    assert isinstance(figure, Figure)
    return figure


def test_accuracy_and_exact_match_stand_side_by_side() -> None:
    result = found(
        said("Red.", "red", image="a"),
        said("red", "red", image="b"),
        said("blue", "red", image="c"),
        said("x", *["x"] * 2, *["y"] * 8, image="d"),
    )
    assert (result.folder, result.questions, result.asked, result.images) == ("mine", 60, 4, 4)
    assert of(result.accuracy).value == pytest.approx(100 * (1 + 1 + 0 + 0.6) / 4)
    assert of(result.exact).value == 25
    assert (of(result.exact).low, of(result.exact).high) == pytest.approx([100 * end for end in wilson(1, 4)])
    assert (of(result.accuracy).n, of(result.accuracy).unit) == (4, "%")
    assert of(result.accuracy).how.startswith(
        "VQA v2 accuracy over 4 of 60 own questions about 4 images in 'mine', each with the model card's "
    )
    assert of(result.exact).how.startswith("strict exact match over 4 of 60")


def test_questions_about_one_image_are_not_independent() -> None:
    """Four images, each wholly right or wholly wrong, are worth four answers and not sixteen."""
    asked = [said("red" if image < 2 else "blue", "red", image=str(image)) for image in range(4)] * 4
    result = found(*asked)
    value, low, high = share([4, 4, 0, 0], [4] * 4)
    assert (of(result.accuracy).value, of(result.accuracy).low, of(result.accuracy).high) == pytest.approx(
        (100 * value, 100 * low, 100 * high)
    )
    assert high - low > 1.5 * (wilson(8, 16)[1] - wilson(8, 16)[0])


def test_errors_and_silence_are_wrong_and_counted() -> None:
    result = found(said("red", "red"), said("", "red"), said("red", "red", error="engine_refused: no"))
    assert (result.asked, result.answered) == (3, 1)
    assert of(result.accuracy).value == pytest.approx(100 / 3)


def test_what_was_not_right_is_kept_with_what_was_said() -> None:
    result = found(
        said("Red.", "red", image="a.png#1"),
        said("blue " * 99, "red", "crimson", image="b #2.png#2"),
        said("", "red", image="c.png#3", error="engine_refused: no"),
        said("", "red", image="d.png#4"),
        said("x", *["x"] * 2, *["y"] * 8, image="e.png#5"),
    )
    assert result.right == 1
    assert [(one.picture, one.digest, one.said[:5], one.error, one.score) for one in result.wrong] == [
        ("b #2.png", "2", "blue ", "", 0),
        ("c.png", "3", "", "engine_refused: no", 0),
        ("d.png", "4", "", "", 0),
        ("e.png", "5", "x", "", pytest.approx(0.6)),
    ]
    assert result.wrong[0].expected == ("red", "crimson")
    assert len(result.wrong[0].said) == 300


def test_what_is_kept_of_wrong_answers_has_limits() -> None:
    many = [said("blue", "red", image=f"{number}.png#{number}") for number in range(300)]
    result = found(*many)
    assert (result.right, len(result.wrong)) == (0, 200)
    assert result.wrong[199].picture == "199.png"


def test_a_result_of_an_older_version_has_no_wrong_answers() -> None:
    old = found(said("red", "red")).model_dump(exclude={"right", "wrong", "thumbnails"})
    read = OwnImages.model_validate(old)
    assert (read.right, read.wrong, read.thumbnails) == (None, (), {})


def test_the_small_pictures_of_all_processes_belong_to_the_result() -> None:
    logs = [
        ProcessLog(number, [said("blue", "red")], ProcessOutcome(pictures={str(number): "data:"}))
        for number in range(2)
    ]
    result = MEASURE.find(logs, MINE, VARIANT)
    assert isinstance(result, OwnImages)
    assert result.thumbnails == {"0": "data:", "1": "data:"}


def test_a_process_that_died_before_the_first_question() -> None:
    died = ProcessLog(0, [], ProcessOutcome(broke_off="it died"))
    assert MEASURE.find([died], MINE, VARIANT) == Missing(missing="no question was asked")


def test_it_is_part_of_a_suite_only_with_a_folder() -> None:
    assert measures()["own_images"] is MEASURE
    for name in DEPTHS:
        suite = suite_named(name)
        assert not any(measure is MEASURE for measure, _ in suite.apart())
        apart = suite.with_counts("own_images", MINE).apart()
        assert [number for measure, number in apart if measure is MEASURE] == [1]


async def test_the_questions_become_part_of_the_counts(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {f"{number}.png": png(size=(40, 30 + number)) for number in range(3)})
    counts = await prepared(COUNTS["quick"], folder, Limits())
    assert (counts.folder, counts.questions, counts.total) == (str(folder), 3, 3)
    own = require_unchanged(counts)
    assert len(own.questions) == 3
    (folder / own.questions[0].image).write_bytes(png("blue"))
    with pytest.raises(ViewfinderError, match="no longer the same") as raised:
        require_unchanged(counts)
    assert raised.value.reason == "resume_differs"
    (folder / own.questions[0].image).unlink()
    with pytest.raises(ViewfinderError, match="no such image"):
        require_unchanged(counts)
    (folder / "questions.csv").unlink()
    with pytest.raises(ViewfinderError, match="there is no file of questions"):
        require_unchanged(counts)


SHORT = ModelCard.model_fields["short_answer"].default


class Listener:
    """In the place of a subject: keeps every prompt, each of which takes ten seconds."""

    limits = Limits()

    def __init__(self, most: int, short_answer: str, reply: str = "") -> None:
        self.most = most
        self.reply = reply
        self.pictures: dict[str, str] = {}
        self.server = SimpleNamespace(card=SimpleNamespace(short_answer=short_answer))
        self.heard: list[tuple[str, Prompt]] = []

    def clock(self) -> float:
        return 10.0 * len(self.heard)

    async def ask(self, scenario: str, prompt: Prompt) -> SimpleNamespace:
        if len(self.heard) == self.most:
            raise TimeIsUp
        self.heard.append((scenario, prompt))
        assert prompt.is_right is not None
        return SimpleNamespace(right=prompt.is_right(self.reply))


async def heard(
    counts: OwnImagesCounts, most: int = 99, short_answer: str = SHORT
) -> list[tuple[str, Prompt]]:
    listener = Listener(most, short_answer)
    assert not await MEASURE.ask(cast(Subject, listener), counts, 0)
    return listener.heard


async def test_what_is_asked(tmp_path: Path) -> None:
    """The picture that the gateway would make of it, the question as published figures have it, 16 tokens."""
    comment = PngInfo()
    comment.add_text("where", "the user's home")
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(file, "PNG", pnginfo=comment)
    counts = await prepared(COUNTS["quick"], folder_of(tmp_path, {"a.png": file.getvalue()}), Limits())
    [(scenario, prompt)] = await heard(counts)
    [message] = prompt.messages
    shown, said = message["content"]
    assert said["text"] == "What color is it?\nAnswer the question using a single word or phrase."
    sent = base64.b64decode(shown["image_url"]["url"].removeprefix("data:image/png;base64,"))
    assert Image.open(io.BytesIO(sent)).size == (40, 30)
    assert b"home" in file.getvalue()
    assert b"home" not in sent
    assert (scenario, prompt.question, prompt.max_tokens) == ("vqa", "What color is it?", 16)
    assert prompt.scene.startswith("a.png#")
    assert prompt.expected == '["red"]'
    assert prompt.is_right is not None
    assert prompt.is_right("Red.")


async def kept(counts: OwnImagesCounts, reply: str) -> dict[str, str]:
    """The small pictures, by the digests that the scenes of their prompts have."""
    listener = Listener(99, SHORT, reply)
    await MEASURE.ask(cast(Subject, listener), counts, 0)
    digests = {prompt.scene.partition("#")[2] for _, prompt in listener.heard}
    assert listener.pictures.keys() <= digests
    return listener.pictures


async def test_the_first_pictures_that_were_answered_wrong_are_kept_small(tmp_path: Path) -> None:
    images = {f"{number}.png": png(size=(400, 300 + number)) for number in range(30)}
    rows = "".join(f"{name},What is it?,red\n{name},What color is it?,red\n" for name in images)
    counts = await prepared(COUNTS["quick"], folder_of(tmp_path, images, rows), Limits())
    counts = replace(counts, budget_s=1e4)
    assert await kept(counts, "red") == {}
    pictures = await kept(counts, "blue")
    assert len(pictures) == MOST_THUMBNAILS == 24
    for url in pictures.values():
        data = base64.b64decode(url.removeprefix("data:image/jpeg;base64,"))
        assert max(Image.open(io.BytesIO(data)).size) == 128


async def test_a_card_may_have_other_words_for_a_short_answer(tmp_path: Path) -> None:
    counts = await prepared(COUNTS["quick"], folder_of(tmp_path, {"a.png": png()}), Limits())
    for words, text in (("", "What color is it?"), ("In a word:", "What color is it?\nIn a word:")):
        [(_, prompt)] = await heard(counts, short_answer=words)
        assert prompt.messages[0]["content"][1]["text"] == text


async def test_a_slow_model_is_asked_twenty_and_what_the_time_allows(tmp_path: Path) -> None:
    rows = "".join(f"a.png,What is it ({number})?,red\n" for number in range(40))
    counts = await prepared(COUNTS["quick"], folder_of(tmp_path, {"a.png": png()}, rows), Limits())
    assert len(await heard(replace(counts, budget_s=0.0))) == 20
    assert len(await heard(replace(counts, budget_s=300.0))) == 31
    assert len(await heard(replace(counts, budget_s=3000.0))) == 40
    assert len(await heard(counts, most=3)) == 3, "those before the end of the run's time count"


async def test_every_image_is_checked_before_anything_is_measured(tmp_path: Path) -> None:
    """As the gateway does it: whatever format an image claims, none of it is opened in this process."""
    rows = "good.png,?,x\ncut.png,?,x\npage.png,?,x\nhuge.png,?,x\ngone.png,?,x\n../x.png,?,x\n"
    images = {
        "good.png": png(),
        "cut.png": png()[:60],
        "page.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "huge.png": png(size=(300, 300)),
    }
    with pytest.raises(Faulty) as raised:
        await prepared(COUNTS["quick"], folder_of(tmp_path, images, rows), Limits(pixels=10_000))
    assert raised.value.message == (
        f"{tmp_path}: line 3: cut.png: The image ends too early; line 4: page.png: SVG images are not "
        "supported; line 5: huge.png: The image of 300 x 300 pixels is too large: the most is 10,000 pixels; "
        "line 6: gone.png: There is no such image in the folder; line 7: ../x.png: The image is outside the "
        "folder."
    )


async def test_an_image_larger_than_a_request_may_be(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"a.png": png() + bytes(100_000)})
    with pytest.raises(Faulty, match="larger than a request may be: 50000 bytes"):
        await prepared(COUNTS["quick"], folder, Limits(body_bytes=50_000))
