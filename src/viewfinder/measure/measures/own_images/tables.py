"""Tables of questions as spreadsheets write them, with commas, semicolons or tabs; called by `questions`."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from viewfinder.measure.measures.own_images.columns import recognized
from viewfinder.measure.measures.own_images.faulty import Entries, Faulty
from viewfinder.measure.measures.own_images.text_files import text_of

TABLE_ENDINGS = (".csv", ".tsv")
BETWEEN_ANSWERS = "|"
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[^\S\r\n]*(?=[\r\n])', re.IGNORECASE)
"""What Excel writes, and hides, above the names of the columns."""

_QUOTES = 'a quote is not closed; write "" for a quote within quoted text'

_Row = tuple[int, list[str]]
"""The number of its last line, and its cells without the blanks around them."""


def rows(file: Path, question: str = "") -> Entries:
    """The rows below the names of the columns; `question` is that of all rows if no column has it. Raises
    Faulty.

    Rows without any text are left out: spreadsheets write them below and between the others.
    """
    text = text_of(file)
    separator, text = _separator(text)
    found = _rows(file, text, separator)
    first, names = next(found, (1, list[str]()))
    places, fault = recognized(names, needs_question=not question)
    if fault:
        raise Faulty(file, [f"line {first}: {fault}"])
    for line, cells in found:
        where = f"line {line}"
        if fault := _too_many(names, cells, separator):
            yield where, {"fault": fault}
            continue
        row = {key: cells[place] if place < len(cells) else "" for key, place in places.items()}
        row["question"] = row.get("question") or question
        yield where, {**row, "answers": row["answers"].split(BETWEEN_ANSWERS)} if "answers" in row else row


def _separator(text: str) -> tuple[str, str]:
    """What stands between the cells, and the text without a line that says so.

    The separator with which the first row has most of the names of columns, or else most cells: to guess it
    from the whole text fails where questions have more commas than the table has columns.
    """
    if stated := _SEPARATOR_LINE.match(text):
        return stated[1], text[stated.end() :]

    def known(separator: str) -> tuple[int, int]:
        try:
            cells = next(_cells(text, separator), (1, []))[1]
        except csv.Error:
            return 0, 0
        return len(recognized(cells)[0]), len(cells)

    return max(_SEPARATORS, key=known), text


def _rows(file: Path, text: str, separator: str) -> Iterator[_Row]:
    try:
        yield from list(_cells(text, separator))
    except csv.Error:
        yield from _without_blanks(file, text, separator)


def _without_blanks(file: Path, text: str, separator: str) -> Iterator[_Row]:
    """The rows, with blanks behind closing quotes left out: the one fault that can mean nothing else."""
    line = 0
    mark = re.escape(separator)
    behind = re.compile(rf'((?:^|{mark}) *"(?:[^"]|"")*") +(?={mark}|\r|\n|\Z)', re.MULTILINE)
    try:
        for line, cells in _cells(behind.sub(r"\1", text), separator):
            yield line, cells
    except csv.Error as error:
        why = _QUOTES if "expected after" in str(error) or "end of data" in str(error) else f"{error}"
        raise Faulty(file, [f"line {line + 1}: {why}"]) from None


def _cells(text: str, separator: str) -> Iterator[_Row]:
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True
    )
    for cells in reader:
        bare = [cell.strip() for cell in cells]
        if any(bare):
            yield reader.line_num, bare


def _too_many(names: Sequence[str], cells: Sequence[str], separator: str) -> str:
    named = [name for name in names if name]
    if not any(cell for place, cell in enumerate(cells) if place >= len(names) or not names[place]):
        return ""
    marks = _SEPARATORS.get(separator, f"{separator!r}")
    if len(named) == len(names):
        return f"more cells than columns; put text with {marks} in quotes"
    return f"a value in a column without a name; name the column, or put text with {marks} in quotes"
