"""The user's own questions, made of rated answers; implements `backing.Questions`.

    questions/questions.jsonl      a line each, as `bench --vqa FOLDER` reads it
    questions/images/DIGEST.png    each picture once, as it was sent to the model
    questions/.unanswered.jsonl    answers that were rated wrong, where nobody said yet what is right: `bench`
                                   reads no such file
    questions/asked/DIGEST/        a copy that a bench from the page asks: a run stops when its questions
                                   change, and nobody should have to wait for it with a rating

The files are replaced as a whole, so that a full disk or a kill leaves the old ones.
"""

import asyncio
import base64
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viewfinder.core.errors import BadRequest, ViewfinderError
from viewfinder.core.paths import private
from viewfinder.dashboard.backing import KeptQuestions, RatedAnswer, RatingOutcome
from viewfinder.measure.measures.own_images.score import normalized
from viewfinder.media.intake import Intake
from viewfinder.media.safe_image import SafeImage

TABLE, UNANSWERED, IMAGES, ASKED = "questions.jsonl", ".unanswered.jsonl", "images", "asked"
MOST_QUESTIONS, MOST_BYTES, MOST_COPIES = 2000, 2_000_000_000, 5
MOST_QUESTION, MOST_ANSWER, MOST_ANSWERS = 2000, 60, 9
"""Characters of a question and of a right answer, and right answers to one question. `bench` asks for a few
words and 16 tokens at most: a longer answer could never be right. Ten answers would be scored as the votes of
ten people."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DIGITS = 32

QuestionRow = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Kept:
    """The rows of both files, by their pictures and questions."""

    asked: dict[tuple[str, str], QuestionRow]
    unanswered: dict[tuple[str, str], QuestionRow]


class QuestionFolder:
    """The folder, which is made by the first question. `intake` makes each picture safe, which leaves out
    where and when a photograph was taken."""

    def __init__(self, folder: Path, intake: Intake) -> None:
        self._folder, self._intake = folder, intake
        self._changing = asyncio.Lock()

    async def kept(self) -> KeptQuestions:
        return _counted(self._folder, await asyncio.to_thread(_read, self._folder))

    async def snapshot(self) -> str:
        """The folder with a copy of the present questions, which stays as it is."""
        async with self._changing:
            return str(await asyncio.to_thread(_snapshot, self._folder))

    async def rate(self, rated: RatedAnswer) -> RatingOutcome:
        question, answer = _one_line(rated.question), _right_answer(rated)
        if not question:
            raise BadRequest("A question is missing.", param="question")
        if len(question) > MOST_QUESTION:
            raise BadRequest(f"The question is longer than {MOST_QUESTION} characters.", param="question")
        image = await self._intake.accept(rated.image)
        async with self._changing:
            return await asyncio.to_thread(self._keep, image, question, answer, rated)

    def _keep(self, image: SafeImage, question: str, answer: str, rated: RatedAnswer) -> RatingOutcome:
        """Write the row, or add the answer to the one that has the same picture and question."""
        kept = _read(self._folder)
        name = _file_name(image)
        key = (name, question)
        row = kept.asked.get(key, {"image": name, "question": question, "answers": []})
        known = [normalized(one) for one in row["answers"]]
        is_new = bool(answer) and normalized(answer) not in known
        if is_new:
            row = {**row, "answers": [*row["answers"], answer][-MOST_ANSWERS:]}
            kept.asked[key] = row
            kept.unanswered.pop(key, None)
        elif not answer and key not in kept.asked:
            kept.unanswered[key] = {"image": name, "question": question, "wrong": _one_line(rated.answer)}
        self._require_room(kept, image)
        try:
            self._write(kept, name, image)
        except OSError as error:
            raise _disk_error(error, self._folder) from None
        return RatingOutcome(
            asked=key in kept.asked,
            is_new=is_new,
            answers=tuple(row["answers"]),
            kept=_counted(self._folder, kept),
        )

    def _require_room(self, kept: _Kept, image: SafeImage) -> None:
        size_bytes = sum(file.stat().st_size for file in (self._folder / IMAGES).glob("*"))
        rows = len(kept.asked) + len(kept.unanswered)
        if rows > MOST_QUESTIONS or size_bytes + image.size_bytes > MOST_BYTES:
            raise BadRequest(
                f"There are {rows - 1:,} questions with {size_bytes / 1e6:,.0f} MB of pictures: no more are "
                "kept.",
                hint=f"Move the folder away, and use it with: viewfinder bench --vqa FOLDER ({self._folder})",
                code="questions_full",
            )

    def _write(self, kept: _Kept, name: str, image: SafeImage) -> None:
        private(self._folder)
        private(self._folder / IMAGES)
        file = self._folder / name
        if not file.exists():
            _replace(file, base64.b64decode(image.data_url.partition(",")[2]))
        for table, rows in ((TABLE, kept.asked), (UNANSWERED, kept.unanswered)):
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows.values())
            if rows or (self._folder / table).exists():
                _replace(self._folder / table, "".join(lines).encode())


def _snapshot(folder: Path) -> Path:
    """The same questions have the same copy, so that a run of them can be resumed. Links take no room."""
    table = (folder / TABLE).read_bytes()
    place = folder / ASKED / hashlib.sha256(table).hexdigest()[:_DIGITS]
    copy = place / folder.name
    if not (copy / TABLE).exists():
        private(copy / IMAGES)
        for image in {row["image"] for row in _rows(folder / TABLE)}:
            _link(folder / image, copy / image)
        _replace(copy / TABLE, table)
    os.utime(place)
    copies = sorted(place.parent.iterdir(), key=os.path.getmtime, reverse=True)
    for old in copies[MOST_COPIES:]:
        shutil.rmtree(old, ignore_errors=True)
    return copy


def _link(file: Path, link: Path) -> None:
    if link.exists():
        return
    try:
        link.hardlink_to(file)
    except OSError:  # a file system without links
        shutil.copyfile(file, link)


def _right_answer(rated: RatedAnswer) -> str:
    """The answer that is right, or empty: nobody said. Raises BadRequest."""
    answer = _one_line(rated.right_answer or (rated.answer if rated.right else ""))
    if rated.right and not answer:
        raise BadRequest("The answer is empty, and an empty one is never right.", param="answer")
    if len(answer) > MOST_ANSWER:
        raise BadRequest(
            f"The right answer has {len(answer)} characters; a bench asks for a few words, at most "
            f"{MOST_ANSWER} characters.",
            hint="Say in right_answer what is right, in a few words.",
            param="right_answer",
            code="answer_too_long",
        )
    if answer and not normalized(answer):
        raise BadRequest(
            "Nothing is left of the right answer without punctuation and articles.", param="right_answer"
        )
    return answer


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _file_name(image: SafeImage) -> str:
    media_type = image.data_url[:40].partition(";")[0]
    return f"{IMAGES}/{image.digest[:_DIGITS]}.{media_type.rpartition('/')[2]}"


def _read(folder: Path) -> _Kept:
    """Raises BadRequest when somebody wrote into the files what cannot be read."""
    asked, unanswered = (_rows(folder / one) for one in (TABLE, UNANSWERED))
    return _Kept(_by_question(asked), _by_question(unanswered))


def _by_question(rows: Sequence[QuestionRow]) -> dict[tuple[str, str], QuestionRow]:
    return {(row["image"], row["question"]): row for row in rows}


def _rows(file: Path) -> Sequence[QuestionRow]:
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
        rows = [json.loads(line) for line in lines if line.strip()]
        if all(isinstance(row["image"], str) and isinstance(row["question"], str) for row in rows):
            return [row if file.name == UNANSWERED else _with_answers(row) for row in rows]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError, OSError):
        pass
    raise BadRequest(
        f"{file} is no longer as it was written here, and stays as it is.",
        hint="Move its folder away; a new one will be made. `bench --vqa FOLDER` may still read it.",
        code="questions_unreadable",
    )


def _with_answers(row: QuestionRow) -> QuestionRow:
    """A row with the list of its answers: a person may have written one `answer`."""
    answers = row["answers"] if "answers" in row else [row["answer"]]
    return {**{key: row[key] for key in row if key != "answer"}, "answers": [str(one) for one in answers]}


def _counted(folder: Path, kept: _Kept) -> KeptQuestions:
    pictures = {image for image, _ in kept.asked}
    return KeptQuestions(str(folder), len(kept.asked), len(pictures), len(kept.unanswered))


def _replace(file: Path, content: bytes) -> None:
    draft = file.with_name(f".{file.name}.part")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _disk_error(error: OSError, folder: Path) -> ViewfinderError:
    if error.errno in _FULL:
        return ViewfinderError(
            f"The disk is full: the question was not kept in {folder}.",
            hint="Free space on its disk, or set VIEWFINDER_HOME to a folder on another one.",
            code="disk_full",
        )
    return ViewfinderError(
        f"The question was not kept: {folder} cannot be written: {error.strerror}.",
        hint="Check its owner, or set VIEWFINDER_HOME to a folder that you may write to.",
        code="questions_unwritable",
    )
