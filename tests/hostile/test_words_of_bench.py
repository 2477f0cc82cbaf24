"""A bench of a user's own questions keeps them in the results, where they belong, and in no other file.

Issue 13, row 10: the search through the state folder had no results of such a bench in it.
"""

import csv
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

import viewfinder
from tests.hostile.test_words_of_requests import MARK, spellings
from tests.measure.suites import small
from viewfinder.api import measuring
from viewfinder.api.stored import remove
from viewfinder.core import paths
from viewfinder.measure.measures.own_images.counts import OwnImagesCounts
from viewfinder.measure.measures.own_images.result import OwnImages

TINY = small("tiny", own_images=OwnImagesCounts(questions=9, budget_s=60.0))


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Two that are answered wrong, with the mark in the folder, the question, the answer and the picture."""
    folder = tmp_path / f"of {MARK}"
    folder.mkdir()
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", f"comment {MARK}")
    with (folder / "questions.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("image", "question", "answer"))
        for name in (f"{MARK}.png", "other.png"):
            Image.new("RGB", (64, 64), "red").save(folder / name, pnginfo=info)
            rows.writerow((name, f"What does {MARK} mean?", f"{MARK} means red"))
    return folder


def test_own_questions_are_in_the_results_alone_until_they_are_removed(
    monkeypatch: pytest.MonkeyPatch, questions: Path
) -> None:
    monkeypatch.setattr(measuring, "suite_named", {"tiny": TINY}.__getitem__)
    [result] = viewfinder.bench(["glimpse"], suite="tiny", vqa=questions, only=True)
    own = result.found["own_images"]
    assert isinstance(own, OwnImages)
    assert len(own.wrong) == 2
    files = {file.name: file.read_bytes().lower() for file in paths.home().rglob("*") if file.is_file()}
    assert {"glimpse.log", "results.sqlite"} <= files.keys()
    marked = {name for name, data in files.items() if any(sign in data for sign in spellings())}
    assert marked == {"results.sqlite"}
    assert f"comment {MARK}".encode().lower() not in files["results.sqlite"], "no picture is kept as it was"
    remove([result.run])
    left = [file for file in paths.home().rglob("*") if file.is_file()]
    assert [file for file in left if any(sign in file.read_bytes().lower() for sign in spellings())] == []
