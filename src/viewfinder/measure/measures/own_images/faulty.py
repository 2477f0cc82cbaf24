"""The error of a folder of questions that cannot be asked; raised by everything that reads such a folder."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from viewfinder.core.errors import BadRequest

SHOWN_FAULTS = 5
FORM = (
    "It needs the columns image, question and answer; answers, with | between them, in place of answer for "
    "several."
)

Entries = Iterator[tuple[str, dict[str, Any]]]
"""The line, entry or picture, for messages, and its values by `columns.KEYS`; or its "fault", in a clause."""


class Faulty(BadRequest):
    """A folder of questions that cannot be asked."""

    code = "vqa_questions"

    def __init__(self, file: Path, faults: Sequence[str], hint: str = FORM) -> None:
        more = f" (and {len(faults) - SHOWN_FAULTS} more)" if len(faults) > SHOWN_FAULTS else ""
        super().__init__(f"{file}: {'; '.join(faults[:SHOWN_FAULTS])}{more}.", hint=hint, param="vqa")
