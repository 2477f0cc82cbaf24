"""Text as spreadsheets and editors save it; called by what reads a folder of questions."""

import codecs
from pathlib import Path

from viewfinder.measure.measures.own_images.faulty import Faulty

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HINT = "Save it as UTF-8; in Excel: Save As, 'CSV UTF-8'."


def text_of(file: Path) -> str:
    """The text of a file in UTF-8, with or without a byte order mark, or in UTF-16. Raises Faulty.

    No other encoding is guessed: answers with wrong letters would be scored as wrong answers.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise Faulty(file, [f"it cannot be read ({error.strerror})"], hint="Make it readable.") from None
    try:
        return data.decode(_encoding(data))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Faulty(file, [f"line {line}: it is not UTF-8"], hint=_HINT) from None


def _encoding(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    if data[1:2] == b"\0":  # a table begins with the letters of its first column
        return "utf-16-le"
    return "utf-16-be" if data[:1] == b"\0" else "utf-8"
