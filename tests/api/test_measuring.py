"""`bench` from Python: interrupted and resumed; with the user's own questions."""

import base64
import csv
import io
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

import viewfinder
from tests.measure.suites import small
from viewfinder.api import measuring
from viewfinder.api.exporting import export, export_lmms_eval
from viewfinder.api.measured import measured_here
from viewfinder.api.measuring import conclude, guide
from viewfinder.core import paths
from viewfinder.core.config import load_settings
from viewfinder.core.errors import BadRequest, ViewfinderError
from viewfinder.measure.compare.evidence import evidence_of
from viewfinder.measure.measures.own_images import decided
from viewfinder.measure.measures.own_images.counts import OwnImagesCounts
from viewfinder.measure.measures.own_images.result import OwnImages
from viewfinder.measure.progress import Progress
from viewfinder.measure.prompts import about_images
from viewfinder.measure.store.rows import ANCHOR
from viewfinder.measure.store.store import Store
from viewfinder.report.facts import key
from viewfinder.report.own_pictures import own_pictures
from viewfinder.scenes.drawing import paint
from viewfinder.scenes.scene import make_scene

TINY = small(
    "tiny",
    processes=2,
    vision=8,
    text=8,
    budget_s=600.0,
    own_images=OwnImagesCounts(questions=9, budget_s=60.0),
)


def test_a_run_is_resumed_as_it_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the id of its repository, with the variant of its settings, and the suite's counts as they were."""

    def interrupt(progress: Progress) -> None:
        if progress.done == 20:
            raise KeyboardInterrupt

    settings = load_settings(variants={"glimpse": "llama.cpp-f16"})
    with monkeypatch.context() as patch:
        patch.setattr(measuring, "suite_named", {"tiny": TINY}.__getitem__)
        with pytest.raises(KeyboardInterrupt):
            viewfinder.bench(["viewfinder/glimpse"], suite="tiny", settings=settings, on_progress=interrupt)
    with Store(paths.results_file()) as store:
        (run,) = store.runs()
        before = len(store.samples(run.run, "glimpse"))
    assert run.finished_at == ""
    assert before >= 19
    [result] = viewfinder.bench(resume=True)
    assert (result.run, result.variant, result.status) == (run.run, "llama.cpp-f16", "verified")
    with Store(paths.results_file()) as store:
        assert store.runs()[0].finished_at
        places = [(one.process, one.scenario, one.place) for one in store.samples(run.run, "glimpse")]
    assert len(places) == len(set(places)) == 8 + 8 + 3 + 2 * 6


def test_a_run_is_resumed_with_its_own_models_only() -> None:
    with pytest.raises(BadRequest, match="models that it began with"):
        viewfinder.bench(["glimpse"], resume=True)
    with pytest.raises(ViewfinderError, match="no interrupted run"):
        viewfinder.bench(resume=True)


def test_a_model_that_is_named_twice_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "suite_named", {"tiny": TINY}.__getitem__)
    assert len(viewfinder.bench(["glimpse", "viewfinder/glimpse"], suite="tiny")) == 1


@pytest.fixture
def own_questions(tmp_path: Path) -> Path:
    """A question about each of eight pictures of scenes."""
    with (tmp_path / "questions.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("image", "question", "answer"))
        for number, prompt in enumerate(islice(about_images("own"), 8)):
            image = f"{number}.png"
            paint(make_scene(prompt.scene, longest=(512, 512))).save(tmp_path / image)
            rows.writerow((image, prompt.question, prompt.expected.rstrip(".").lower()))
    return tmp_path


def test_own_questions(monkeypatch: pytest.MonkeyPatch, own_questions: Path) -> None:
    """Interrupted among them, refused while they differ, resumed, exported and in the guide."""
    monkeypatch.setattr(measuring, "suite_named", {"tiny": TINY}.__getitem__)

    def interrupt(progress: Progress) -> None:
        if progress.doing == "own_images" and progress.done == progress.total - 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        viewfinder.bench(["glimpse"], suite="tiny", vqa=own_questions, on_progress=interrupt)
    page = own_questions / "questions.csv"
    kept = page.read_text()
    page.write_text(kept.replace("?", "??"))
    with pytest.raises(ViewfinderError, match=r"changed since the run began.*All measurements are kept"):
        viewfinder.bench(resume=True)
    page.write_text(kept)
    [result] = viewfinder.bench(resume=True)
    own = result.found["own_images"]
    assert isinstance(own, OwnImages)
    assert (own.asked, own.questions, own.images, own.answered) == (8, 8, 8, 8)
    with Store(paths.results_file()) as store:
        asked = [one for one in store.samples(result.run, "glimpse") if one.scenario == "vqa"]
    assert [one.place for one in asked] == list(range(8))
    assert max(one.exchange.completion_tokens or 0 for one in asked) <= 16
    lines = list(csv.DictReader("".join(export("csv")).splitlines()))
    assert sum(line["scenario"] == "vqa" and line["score"] != "" for line in lines) == 8
    files = export_lmms_eval(own_questions / "out")
    assert any(file.name.endswith("_samples_viewfinder_vqa.jsonl") for file in files)
    assert "Own questions, VQA v2 accuracy" in guide()


def test_own_questions_and_nothing_else(monkeypatch: pytest.MonkeyPatch, own_questions: Path) -> None:
    """Its score joins what was measured before, in the guide and in the choice of a variant."""
    monkeypatch.setattr(measuring, "suite_named", {"tiny": TINY}.__getitem__)
    [whole] = viewfinder.bench(["glimpse"], suite="tiny")
    known = measured_here()
    monkeypatch.setattr(decided, "LEAST_SAMPLES", 2)  # its two questions of yes or no are decided, too
    [result] = viewfinder.bench(["glimpse"], suite="tiny", vqa=own_questions, only=True)
    assert (result.status, result.suite, list(result.found)) == ("not judged", "tiny", ["own_images"])
    assert result.machine_drift is None
    with Store(paths.results_file()) as store:
        asked = Counter(one.scenario for one in store.samples(result.run, "glimpse"))
        assert asked == {"vqa": 8, "own-decisions/predicate/0": 2, "own-decisions/predicate/1": 2}
        assert list(store.outcomes(result.run, "glimpse")) == [1], "one process and no more"
        assert store.samples(result.run, ANCHOR) == []
    assert measured_here() == known
    page = guide()
    assert f"Your own questions were asked in another run, {result.run}" in page
    assert whole.run in page
    assert "Own questions, VQA v2 accuracy (%) | 100" in page
    assert "2 answers were decided, and it takes 40" in page
    assert "not judged" not in page + conclude()


def test_own_questions_alone_are_resumed(monkeypatch: pytest.MonkeyPatch, own_questions: Path) -> None:
    monkeypatch.setattr(measuring, "suite_named", {"tiny": TINY}.__getitem__)

    def interrupt(progress: Progress) -> None:
        if progress.doing == "own_images" and progress.done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        viewfinder.bench(["glimpse"], suite="tiny", vqa=own_questions, only=True, on_progress=interrupt)
    [result] = viewfinder.bench(resume=True)
    assert (result.status, list(result.found)) == ("not judged", ["own_images"])
    with Store(paths.results_file()) as store:
        asked = [one.place for one in store.samples(result.run, "glimpse")]
    assert asked == list(range(8))


def test_with_a_budget_own_questions_come_first(monkeypatch: pytest.MonkeyPatch, own_questions: Path) -> None:
    """Ten seconds are not enough for the rest: what was asked for by name is not what is left out."""
    monkeypatch.setattr(measuring, "suite_named", {"tiny": TINY}.__getitem__)
    [result] = viewfinder.bench(["glimpse"], suite="tiny", vqa=own_questions, budget="10s")
    with Store(paths.results_file()) as store:
        first = store.samples(result.run, "glimpse")[:8]
    assert [one.scenario for one in first] == ["vqa"] * 8


def test_pictures_sorted_by_their_answer_and_what_was_answered_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From drawings without a table to the guide's data on them."""
    monkeypatch.setattr(measuring, "suite_named", {"tiny": TINY}.__getitem__)
    for answer, color, left in (
        ("red_square", "red", 90),
        ("blue square", "blue", 210),
        ("a_dragon", "green", 330),
    ):
        picture = Image.new("RGB", (512, 512), "white")
        ImageDraw.Draw(picture).rectangle((left, 210, left + 90, 300), fill=color)
        (tmp_path / answer).mkdir()
        picture.save(tmp_path / answer / "1.png")
    [result] = viewfinder.bench(["glimpse"], suite="tiny", vqa=tmp_path, only=True)
    own = result.found["own_images"]
    assert isinstance(own, OwnImages)
    assert (own.asked, own.right) == (3, 2)
    [wrong] = own.wrong
    assert (wrong.picture, wrong.expected) == ("a_dragon/1.png", ("a dragon",))
    assert "green" in wrong.said.lower()
    with Store(paths.results_file()) as store:
        [folder] = own_pictures([result], {key(result): evidence_of(store, result)})
    [shown] = folder.pictures
    assert (shown.picture, shown.said[0].said) == (wrong.picture, wrong.said)
    data = base64.b64decode(shown.thumbnail.removeprefix("data:image/jpeg;base64,"))
    with Image.open(io.BytesIO(data)) as small:
        assert small.size == (128, 128)
        _, green, _ = small.convert("RGB").getpixel((93, 63))
        assert green == pytest.approx(128, abs=20), "it is that picture"


def test_only_own_questions_need_a_folder_and_a_model_that_takes_images(own_questions: Path) -> None:
    with pytest.raises(BadRequest, match="needs the folder") as raised:
        viewfinder.bench(["glimpse"], only=True)
    assert raised.value.exit_code == 2
    with pytest.raises(BadRequest, match="models that it began with"):
        viewfinder.bench(only=True, resume=True)
    files = own_questions / "texts"
    files.mkdir()
    (files / "text.gguf").write_bytes(text_only())
    with pytest.raises(
        BadRequest, match=r"can be asked nothing of that: this variant takes no images"
    ) as raised:
        viewfinder.bench([str(files)], vqa=own_questions, only=True)
    assert raised.value.reason == "cannot_be_asked"
    with Store(paths.results_file()) as store:
        assert store.runs() == []


def text_only() -> bytes:
    """glimpse without its projector."""
    return (Path(viewfinder.__file__).parent / "catalog/weights/glimpse/glimpse-f16.gguf").read_bytes()


def test_own_questions_that_change_while_they_are_asked(
    monkeypatch: pytest.MonkeyPatch, own_questions: Path
) -> None:
    monkeypatch.setattr(measuring, "suite_named", {"tiny": TINY}.__getitem__)

    def change(progress: Progress) -> None:
        if progress.doing.startswith("process 2"):
            (own_questions / "3.png").write_bytes(b"no image any more")

    with pytest.raises(ViewfinderError, match=r"changed since the run began: .*no longer the same"):
        viewfinder.bench(["glimpse"], suite="tiny", vqa=own_questions, on_progress=change)
    with Store(paths.results_file()) as store:
        (run,) = store.runs()
        assert len(store.samples(run.run, "glimpse")) == 8 + 8 + 3 + 2 * 6
