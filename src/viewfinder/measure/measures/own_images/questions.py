"""The user's own images with questions and answers, from a folder; called by `ask`.

    questions.csv     image,question,answer (or answers: several, with | between them)
    questions.json    a list of objects with these keys; answers is a list
    *_questions.json and *_annotations.json    VQA v2 as published

Every fault of such a file is found before anything is measured, and reported with its line.
"""

import csv
import hashlib
import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viewfinder.core.errors import BadRequest, InvalidImage

_BETWEEN_ANSWERS = "|"
_KEYS = ("image", "question", "answer", "answers")
_SHOWN_FAULTS = 5
_FORM = "It needs the columns image, question and answer; answers in place of answer for several of them."


@dataclass(frozen=True, slots=True)
class OwnQuestion:
    """`where` is its line or entry, for messages; `image` is relative to the folder, as the file has it."""

    where: str
    image: str
    question: str
    answers: tuple[str, ...]


class Faulty(BadRequest):
    """A folder of questions that cannot be asked."""

    code = "vqa_questions"

    def __init__(self, file: Path, faults: list[str], hint: str = _FORM) -> None:
        more = f" (and {len(faults) - _SHOWN_FAULTS} more)" if len(faults) > _SHOWN_FAULTS else ""
        super().__init__(f"{file}: {'; '.join(faults[:_SHOWN_FAULTS])}{more}.", hint=hint, param="vqa")


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
        try:
            file = (self.folder / one.image).resolve()
            if not file.is_relative_to(self.folder.resolve()):
                raise InvalidImage("The image is outside the folder.")
            if file.is_file():
                return file
        except (OSError, ValueError):  # a name too long, or with a null
            pass
        raise InvalidImage("There is no such image in the folder.")

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
    if not folder.is_dir():
        raise Faulty(folder, ["there is no such folder"], hint="Name the folder of the images.")
    published = [sorted(folder.glob(f"*_{part}.json")) for part in ("questions", "annotations")]
    if all(published):
        if max(map(len, published)) > 1:
            raise Faulty(folder, ["there are several files of VQA v2"], hint="Leave one pair of them.")
        file = published[0][0]
        found = _published(folder, file, published[1][0])
    else:
        file = _only(folder)
        found = _rows(file) if file.suffix.lower() == ".csv" else _entries(file)
    asked = list(_good(file, found))
    if not asked:
        raise Faulty(file, ["there is no question in it"])
    random.Random("own questions").shuffle(asked)
    return OwnQuestions(folder, tuple(asked))


def refuse(own: OwnQuestions, faults: Mapping[OwnQuestion, str]) -> None:
    """Raise BadRequest with all faults of images, in the order of their lines, when there are any."""
    if faults:
        in_order = sorted(faults, key=lambda one: int(one.where.split()[-1]))
        each = [f"{one.where}: {faults[one]}" for one in in_order]
        raise Faulty(own.folder, each, hint="Names are relative to the folder; put the images there.")


_Entries = Iterator[tuple[str, dict[str, Any]]]
"""The line or entry, for messages, and its values."""


def _only(folder: Path) -> Path:
    shown = (file for file in sorted(folder.iterdir()) if not file.name.startswith("."))
    files = [file for file in shown if file.suffix.lower() in (".csv", ".json")]
    if len(files) == 1:
        return files[0]
    names = ", ".join(file.name for file in files[:_SHOWN_FAULTS])
    raise Faulty(
        folder,
        [f"there are several files of questions ({names})" if files else "there is no file of questions"],
        hint=f"Put one CSV or JSON file beside the images. {_FORM}",
    )


def _rows(file: Path) -> _Entries:
    """The rows of a CSV file (RFC 4180) whose first line names its columns."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines, strict=True, restkey="")
        try:
            _require_keys(file, "line 1", rows.fieldnames or ())
            for row in rows:
                where = f"line {rows.line_num}"
                if "" in row:
                    yield where, {"fault": "more cells than columns; put text with commas in quotes"}
                elif "answers" in row:
                    yield where, {**row, "answers": (row["answers"] or "").split(_BETWEEN_ANSWERS)}
                else:
                    yield where, row
        except csv.Error as error:
            raise Faulty(file, [f"line {rows.reader.line_num}: {error}"]) from None
        except UnicodeDecodeError:
            raise Faulty(file, ["it is not UTF-8"], hint="Save it as UTF-8.") from None


def _entries(file: Path) -> _Entries:
    entries = _json(file)
    if not isinstance(entries, list):
        raise Faulty(file, ["it is not a list"], hint="Write a list of objects: image, question, answer.")
    for number, entry in enumerate(entries, start=1):
        where = f"entry {number}"
        if isinstance(entry, dict):
            _require_keys(file, where, entry)
            yield where, entry
        else:
            yield where, {"fault": "it is not an object"}


def _published(folder: Path, questions: Path, annotations: Path) -> _Entries:
    """The two files as https://visualqa.org/download.html describes them; images are named as in COCO, and
    may be in subfolders."""
    asked, known = _json(questions), _json(annotations)
    try:
        answers = {one["question_id"]: [a["answer"] for a in one["answers"]] for one in known["annotations"]}
        here = {file.name: str(file.relative_to(folder)) for file in folder.rglob("*.jpg")}
        for one in asked["questions"]:
            where, found = f"question {int(one['question_id'])}", answers.get(one["question_id"], [])
            name = f"COCO_{asked['data_subtype']}_{int(one['image_id']):012d}.jpg"
            yield where, {"image": here.get(name, name), "question": one["question"], "answers": found}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Faulty(questions, ["it and the annotations are not as VQA v2 was published"]) from None


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise Faulty(file, ["it is not UTF-8"], hint="Save it as UTF-8.") from None
    except (json.JSONDecodeError, RecursionError) as error:
        where = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else "too deep"
        raise Faulty(file, [where], hint="It must be JSON.") from None


def _require_keys(file: Path, where: str, keys: Iterable[str]) -> None:
    """Unknown keys are refused: one of them may be a misspelled `answer`."""
    keys = [str(key) for key in keys]
    unknown = [key for key in keys if key not in _KEYS]
    if unknown:
        raise Faulty(file, [f"{where}: {unknown[0]!r} is not known"])
    if not {"image", "question"} <= set(keys) or len({"answer", "answers"} & set(keys)) != 1:
        raise Faulty(file, [f"{where}: it has {', '.join(keys) or 'nothing'}"])


def _good(file: Path, found: _Entries) -> Iterator[OwnQuestion]:
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
            faults.append(f"{where}: an empty answer")
        else:
            yield OwnQuestion(where, words["image"], words["question"], tuple(map(_words, answers)))
    if faults:
        raise Faulty(file, faults)


def _words(value: object) -> str:
    """Text, or a number as people write it; empty for anything else."""
    return str(value).strip() if type(value) in (str, int, float) else ""
