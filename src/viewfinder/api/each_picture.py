"""The same question about many pictures, one by one; the answers are lines of a JSON file; called by `ask`.

The file is only ever appended to, and a line is written as soon as its picture is answered: a run that was
killed is resumed from what the file has.
"""

import contextlib
import fcntl
import json
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from viewfinder.api.model import Model
from viewfinder.api.question import files_at, question_of
from viewfinder.catalog.auto_names import AUTO_PREFIX
from viewfinder.core.errors import BadRequest, ViewfinderError

FAILURES_IN_A_ROW = 3
"""After that many pictures in a row whose failure is not theirs, the run stops: the engine is broken."""
NO_FAULT_OF_A_PICTURE = frozenset(
    (
        "vision_not_supported",
        "model_not_found",
        "invalid_api_key",
        "forbidden",
        "unsupported_parameter",
        "no_logprobs",
        "ambiguous_answers",
        "not_calibrated",
    )
)
"""Codes of refusals that every picture would get."""
_BEGIN = b'{"file": '
"""How each of our lines begins."""


@dataclass(frozen=True, slots=True)
class PictureAnswer:
    """One line of the file. `error` is empty, or says why there is no answer, and `code` is its stable name.

    Times are as in `StreamedAnswer`; `finish_reason` is "length" where the answer was cut.
    """

    file: str
    model: str
    question: str
    answer: str = ""
    seconds: float | None = None
    ttft_s: float | None = None
    tokens_per_s: float | None = None
    output_tokens: int | None = None
    finish_reason: str = ""
    error: str = ""
    code: str = ""
    at: str = ""
    answered_by: str = ""
    """The model that was chosen, for an `auto:` name."""
    boxes: Sequence[dict[str, Any]] = ()
    """The coordinates in the answer, in pixels of the picture."""

    @property
    def line(self) -> str:
        """As JSON: an answer has no fields about errors, and an error none about answers."""
        left_out = {"error", "code"} if not self.error else {*_OF_AN_ANSWER}
        left_out |= {name for name in ("answered_by", "boxes") if not getattr(self, name)}
        return json.dumps({name: value for name, value in asdict(self).items() if name not in left_out})


_OF_AN_ANSWER = ("answer", "seconds", "ttft_s", "tokens_per_s", "output_tokens", "finish_reason")


def pictures_of(parts: Sequence[str]) -> list[Path]:
    """The files among the parts, and the images of the folders, each once. Raises BadRequest."""
    return list(dict.fromkeys(file for part in parts for file in files_at(Path(part))))


def answer_each(
    model: Model, name: str, pictures: Sequence[Path], question: str, *, max_tokens: int, temperature: float
) -> Iterator[PictureAnswer]:
    """The answer about each picture, or its error. `name` is the model's, as it was typed.

    Raises the error that every picture would get, and the last of `FAILURES_IN_A_ROW`.
    """
    failures = 0
    for picture in pictures:
        begun = PictureAnswer(str(picture), name, question)
        try:
            answer = model.answer_to(
                [question_of([picture, question])], max_tokens=max_tokens, temperature=temperature
            )
            text = "".join(answer)
        except ViewfinderError as error:
            if error.reason in NO_FAULT_OF_A_PICTURE:
                raise
            failures = 0 if isinstance(error, BadRequest) else failures + 1
            yield replace(begun, error=str(error), code=error.reason, at=_now())
            if failures >= FAILURES_IN_A_ROW:
                raise
            continue
        failures = 0
        yield replace(
            begun,
            answer=text,
            seconds=_short(answer.total_s),
            ttft_s=_short(answer.ttft_s),
            tokens_per_s=_short(answer.tokens_per_s),
            output_tokens=answer.output_tokens,
            finish_reason=answer.finish_reason,
            at=_now(),
            answered_by=answer.model if name.startswith(AUTO_PREFIX) else "",
            boxes=answer.boxes,
        )


class AnswerFile:
    """The answers to one question; made by `open`, which repairs a last line that was not written whole."""

    def __init__(self, path: Path, descriptor: int, answered: set[tuple[Path, str]]) -> None:
        self.path = path
        self._descriptor = descriptor
        self._answered = answered

    @classmethod
    def open(cls, path: Path, question: str) -> Self:
        """Create or continue it. Raises BadRequest for a file that is not of answers, or of those to another
        question, or that another run writes to; and OSError."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o666)
        try:
            answered = set()
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                _lock(path, descriptor)
                answered = _read(path, descriptor, question)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(path, descriptor, answered)

    def has(self, picture: Path, model: str) -> bool:
        """Whether this model's answer about the picture is in it; an error is no answer."""
        return (picture.absolute(), model) in self._answered

    def add(self, answer: PictureAnswer) -> None:
        """Append a line."""
        rest = f"{answer.line}\n".encode()
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        if not answer.error:
            self._answered.add((Path(answer.file).absolute(), answer.model))

    def __len__(self) -> int:
        """The number of answers in it, those of earlier runs, too."""
        return len(self._answered)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        seen = os.fstat(self._descriptor)
        if stat.S_ISREG(seen.st_mode) and seen.st_size == 0:  # nothing was answered
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


def _lock(path: Path, descriptor: int) -> None:
    """Until the file is closed. On a file system without locks, nothing keeps two runs apart."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BadRequest(
            f"Another `viewfinder ask` writes to {path}.",
            hint="Wait for it, or name another file.",
            param="out",
        ) from None
    except OSError:
        return


def _read(path: Path, descriptor: int, question: str) -> set[tuple[Path, str]]:
    """The pictures that are answered, each with the model's name."""
    answered: set[tuple[Path, str]] = set()
    good_bytes = 0
    with open(descriptor, "rb", closefd=False) as content:
        for number, line in enumerate(content, 1):
            entry = _entry(line)
            if entry is None:
                if line.endswith(b"\n") or not (line.startswith(_BEGIN) or _BEGIN.startswith(line)):
                    raise BadRequest(
                        f"{path} has other things than answers of `viewfinder ask` (line {number}).",
                        hint="Name another file with --out; this one was not changed.",
                        param="out",
                    )
                os.ftruncate(descriptor, good_bytes)
                break
            if entry["question"] != question:
                raise BadRequest(
                    f"{path} has the answers to another question: {entry['question'][:200]}",
                    hint="Ask that one to continue it, or name another file with --out.",
                    param="out",
                )
            if not entry.get("error"):
                answered.add((Path(entry["file"]).absolute(), entry.get("model", "")))
            if not line.endswith(b"\n"):
                os.write(descriptor, b"\n")
            good_bytes += len(line)
    return answered


def _entry(line: bytes) -> dict[str, Any] | None:
    """A line of ours; None for anything else."""
    with contextlib.suppress(ValueError, RecursionError):
        entry = json.loads(line)
        if isinstance(entry, dict) and all(isinstance(entry.get(key), str) for key in ("file", "question")):
            return entry
    return None


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
