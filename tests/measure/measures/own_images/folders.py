"""Folders of questions, for the tests of what reads them."""

from pathlib import Path

import pytest

from viewfinder.measure.measures.own_images.faulty import Faulty
from viewfinder.measure.measures.own_images.questions import OwnQuestion, OwnQuestions, read_folder


def folder_with(tmp_path: Path, text: str | bytes, name: str = "questions.csv") -> Path:
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return tmp_path


def in_order(own: OwnQuestions) -> list[OwnQuestion]:
    """By their lines or entries."""
    return sorted(own.questions, key=lambda one: int(one.where.split()[-1]))


def asked(folder: Path) -> list[tuple[str, str, tuple[str, ...]]]:
    """Image, question and answers, in the order of the lines."""
    return [(one.image, one.question, one.answers) for one in in_order(read_folder(folder))]


def fault_of(folder: Path) -> str:
    """What is said of it, without the path of the folder."""
    with pytest.raises(Faulty) as raised:
        read_folder(folder)
    assert raised.value.reason == "vqa_questions"
    assert raised.value.hint
    return raised.value.message.replace(f"{folder}/", "")
