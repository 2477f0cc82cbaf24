"""The names that people give to the columns of a table of questions; pure, called by `tables` and
`entries`."""

import unicodedata
from collections.abc import Sequence
from difflib import get_close_matches

KEYS = ("image", "question", "answer", "answers")
_PICTURES = ("image", "img", "picture", "pic", "photo")
_FILES = ("file", "filename", "filepath", "path")
_NAMES: dict[str, tuple[str, ...]] = {
    "image": (
        *_PICTURES,
        *_FILES,
        *(picture + file for picture in _PICTURES for file in (*_FILES, "name")),
        "images",
        "pictures",
    ),
    "question": ("question", "questions", "questiontext", "prompt", "query", "q"),
    "answer": (
        *("answer", "answertext", "a", "label", "expected", "target", "truth", "reference", "gt"),
        *("expectedanswer", "rightanswer", "correctanswer", "referenceanswer", "groundtruth"),
    ),
    "answers": (
        *("answers", "labels", "targets", "references", "groundtruths"),
        *("expectedanswers", "rightanswers", "correctanswers", "referenceanswers"),
    ),
}
"""Key > the names for it, in lower case and without blanks, hyphens and underscores; its own name first."""
_LIKE = 0.8
"""How alike two names are if one is taken for a misspelling of the other."""
_LEAST_LETTERS = 5
"""Shorter names resemble too many others."""


def recognized(names: Sequence[str], *, needs_question: bool = True) -> tuple[dict[str, int], str]:
    """The place of each key among the names, and what is wrong with them, in a clause; empty if nothing is.

    The documented name of a column counts before other names for it. Columns for other purposes are ignored,
    unless one is a misspelled name: then answers would be lost in silence.
    """
    given = [_plain(name) for name in names]
    places: dict[str, int] = {}
    for key, known in _NAMES.items():
        some = [place for place, name in enumerate(given) if name in known]
        some = [place for place in some if given[place] == key] or some
        if len(some) > 1:
            return places, f"both {names[some[0]]!r} and {names[some[1]]!r} name the {key}; keep one of them"
        if some:
            places[key] = some[0]
    if {"answer", "answers"} <= places.keys():
        own = [key for key in ("answer", "answers") if given[places[key]] == key]
        if len(own) != 1:
            first, second = (names[places[key]] for key in ("answer", "answers"))
            return places, f"it has both {first!r} and {second!r}; keep one of them"
        places.pop("answers" if own == ["answer"] else "answer")
    return places, _misspelled(names, given, places) or _lacking(names, places, needs_question)


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name).casefold()))


def _misspelled(names: Sequence[str], given: Sequence[str], places: dict[str, int]) -> str:
    known = {name for some in _NAMES.values() for name in some}
    open_ones = {name: key for key in KEYS if key not in places for name in _NAMES[key]}
    candidates = [name for name in open_ones if len(name) >= _LEAST_LETTERS]
    for name, plain in zip(names, given, strict=True):
        if plain in known or plain.startswith((*KEYS, "picture", "photo", "file")):
            continue  # `answer_type`, `image_id`
        if like := get_close_matches(plain, candidates, n=1, cutoff=_LIKE):
            return f"{name!r} is not known; if it is meant to be {open_ones[like[0]]!r}, write that"
    return ""


def _lacking(names: Sequence[str], places: dict[str, int], needs_question: bool) -> str:
    missing = [key for key in ("image", "question") if key not in places]
    if not needs_question and "question" in missing:
        missing.remove("question")
    if not places.keys() & {"answer", "answers"}:
        missing.append("answer")
    if not missing:
        return ""
    has = ", ".join(name.strip() for name in names if name.strip()) or "nothing"
    return f"no column is named {' or '.join(missing)} (it has {has})"
