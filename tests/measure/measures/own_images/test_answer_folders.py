"""Pictures in folders that are named by their answer."""

import unicodedata
from pathlib import Path

import pytest

from tests.measure.measures.own_images.folders import asked, fault_of, folder_with
from viewfinder.measure.measures.own_images.answer_folders import DEFAULT_QUESTION


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return folder


def test_a_folder_is_the_answer_to_one_question_about_its_pictures(tmp_path: Path) -> None:
    touch(tmp_path, "red star/1.png", "red star/2.JPG", "blue_circle/1.webp", "empty/notes.txt")
    touch(
        tmp_path, ".git/x.png", "__MACOSX/red star/1.png", "red star/Thumbs.db", "red star/._1.png", "a.txt"
    )
    assert asked(tmp_path) == [
        ("blue_circle/1.webp", DEFAULT_QUESTION, ("blue circle",)),
        ("red star/1.png", DEFAULT_QUESTION, ("red star",)),
        ("red star/2.JPG", DEFAULT_QUESTION, ("red star",)),
    ]


def test_a_question_for_all_folders_and_one_for_a_single_folder(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png", "dog/1.png")
    folder_with(tmp_path, "Which animal?\n", "question.txt")
    folder_with(tmp_path / "dog", "Dog or wolf?", "QUESTION.TXT")
    assert [one[1] for one in asked(tmp_path)] == ["Which animal?", "Dog or wolf?"]
    folder_with(tmp_path / "cat", "", "question.txt")
    assert fault_of(tmp_path) == "cat/question.txt: it is empty."


def test_accents_as_macos_writes_them(tmp_path: Path) -> None:
    touch(tmp_path, f"{unicodedata.normalize('NFD', 'Bär')}/1.png", "cat/1.png")
    assert sorted(one[2] for one in asked(tmp_path)) == [("Bär",), ("cat",)]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["images/1.png"], "images: that is no answer, and there is no table of questions."),
        (["cat/1.png", "loose.png"], "loose.png: it is in no folder."),
        (["cat/1.png", "Train/dog/2.png"], "Train: it has pictures in folders of its own."),
        (["1.png", "2.png"], "there is no file of questions."),
        (["cat/readme.txt"], "there is no file of questions."),
    ],
)
def test_a_picture_without_an_answer_is_refused(tmp_path: Path, files: list[str], said: str) -> None:
    assert fault_of(touch(tmp_path, *files)).endswith(said)
