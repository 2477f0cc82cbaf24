"""The user's own images with questions and answers, from a folder; called by `ask`.

    questions.csv     a table with the columns image, question, answer (or answers: several, with | between
                      them); separated by commas, semicolons or tabs; also .tsv (see `tables`)
    questions.json    a list of objects with these keys; answers is a list; or one object a line, .jsonl (see
                      `entries`)
    *_questions.json and *_annotations.json    VQA v2 as published
    red star/1.png    no table: pictures in folders named by the answer (see `answer_folders`)

Columns may have other usual names (see `columns`). question.txt is the question for all pictures that have
none of their own. Every fault is found before anything is measured, and reported with its file and line.
"""

import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from viewfinder.measure.measures.own_images import answer_folders, entries, tables
from viewfinder.measure.measures.own_images.faulty import FORM, SHOWN_FAULTS, Entries, Faulty
from viewfinder.measure.measures.own_images.picture_files import elsewhere, file_in

_WORKBOOKS = (".xlsx", ".xls", ".ods", ".numbers")
_ANSWERS = (str, int, float, type(None))
"""The types of an answer; None is an empty one."""


@dataclass(frozen=True, slots=True)
class OwnQuestion:
    """`where` is its line or entry, for messages; `image` is relative to the folder, as the file has it."""

    where: str
    image: str
    question: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnQuestions:
    """All of a folder's questions, in the order in which every model gets them: random but always the same,
    so that the first of them represent all."""

    folder: Path
    questions: tuple[OwnQuestion, ...]

    def file_of(self, one: OwnQuestion) -> Path:
        """The file of its image. Raises InvalidImage.

        A file outside the folder is refused: the questions may come from another person than the one who
        measures, and the server under measurement from a third.
        """
        return file_in(self.folder, one.image)

    def digest(self, count: int) -> str:
        """Of the first `count` questions, with answers and the bytes of their images. Raises InvalidImage."""
        total = hashlib.sha256()
        for one in self.questions[:count]:
            with self.file_of(one).open("rb") as image:
                pixels = hashlib.file_digest(image, "sha256").hexdigest()
            total.update(json.dumps([one.image, pixels, one.question, one.answers]).encode())
        return total.hexdigest()


def read_folder(folder: Path) -> OwnQuestions:
    """The questions of a folder. Raises BadRequest with all faults together."""
    if folder.is_file():
        raise Faulty(folder, ["it is a file"], hint=f"Name the folder that it is in: {folder.parent}")
    if not folder.is_dir():
        raise Faulty(folder, ["there is no such folder"], hint="Name the folder of the images.")
    source, found = _source(folder)
    asked = list(_good(source, found))
    if not asked:
        raise Faulty(source, ["there is no question in it"])
    random.Random("own questions").shuffle(asked)
    return OwnQuestions(folder, tuple(asked))


def refuse(own: OwnQuestions, faults: Mapping[OwnQuestion, str]) -> None:
    """Raise BadRequest with all faults of images, in the order of their lines, when there are any."""
    if faults:
        in_order = sorted(faults, key=lambda one: int(one.where.split()[-1]))
        each = [f"{one.where}: {faults[one]}" for one in in_order]
        hint = elsewhere(own.folder, in_order[0].image)
        hint = hint or "Names are relative to the folder; put the images there, as PNG, JPEG or WebP."
        raise Faulty(own.folder, each, hint=hint)


def _source(folder: Path) -> tuple[Path, Entries]:
    """The file or folder that has the questions, and what is in it."""
    published = [sorted(folder.glob(f"*_{part}.json")) for part in ("questions", "annotations")]
    if all(published):
        if max(map(len, published)) > 1:
            raise Faulty(folder, ["there are several files of VQA v2"], hint="Leave one pair of them.")
        asked, known = published[0][0], published[1][0]
        return asked, entries.published(folder, asked, known)
    file = _only_file(folder)
    if file is None:
        return folder, answer_folders.pictures(folder)
    question = answer_folders.question_of(folder)
    read = tables.rows if file.suffix.lower() in tables.TABLE_ENDINGS else entries.entries
    return file, read(file, question)


def _only_file(folder: Path) -> Path | None:
    """The folder's table; None when there is none, and its pictures are sorted by their answers."""
    shown = [file for file in sorted(folder.iterdir()) if file.is_file()]
    shown = [file for file in shown if not file.name.startswith((".", "~$"))]
    files = [file for file in shown if file.suffix.lower() in (*tables.TABLE_ENDINGS, *entries.JSON_ENDINGS)]
    if len(files) == 1:
        return files[0]
    if files:
        names = ", ".join(file.name for file in files[:SHOWN_FAULTS])
        raise Faulty(folder, [f"there are several files of questions ({names})"], hint="Leave one of them.")
    if books := [file.name for file in shown if file.suffix.lower() in _WORKBOOKS]:
        raise Faulty(
            folder,
            [f"{books[0]} is a workbook, which is not read"],
            hint=f"Save its sheet as 'CSV UTF-8' beside it. {FORM}",
        )
    if answer_folders.is_sorted(folder):
        return None
    raise Faulty(
        folder,
        ["there is no file of questions"],
        hint=f"Put one CSV or JSON file beside the images. {FORM} Or sort the images into folders that are "
        "named by the answer.",
    )


def _good(file: Path, found: Entries) -> Iterator[OwnQuestion]:
    """The questions that can be asked; raises BadRequest at the end if any cannot."""
    faults: list[str] = []
    for where, entry in found:
        answers = entry.get("answers", [entry.get("answer")])
        words = {key: _words(entry.get(key)) for key in ("image", "question")}
        if "fault" in entry:
            faults.append(f"{where}: {entry['fault']}")
        elif missing := [key for key, value in words.items() if not value]:
            faults.append(f"{where}: no {missing[0]}")
        elif not isinstance(answers, list):
            faults.append(f"{where}: its answers are not a list")
        elif not answers or not all(map(_words, answers)):
            is_other = any(type(one) not in _ANSWERS for one in answers)
            what = "an answer that is neither text nor a number" if is_other else "an empty answer"
            faults.append(f"{where}: {what}")
        else:
            yield OwnQuestion(where, words["image"], words["question"], tuple(map(_words, answers)))
    if faults:
        raise Faulty(file, faults)


def _words(value: object) -> str:
    """Text, or a number as people write it; empty for anything else."""
    return str(value).strip() if type(value) in (str, int, float) else ""
