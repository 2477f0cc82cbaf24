"""Pictures in folders that are named by the answer, with one question about all of them; called by
`questions`."""

import unicodedata
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from viewfinder.measure.measures.own_images.faulty import Entries, Faulty
from viewfinder.measure.measures.own_images.text_files import text_of

DEFAULT_QUESTION = "In one or two words, what is in the picture?"
"""A sentence would not be scored as right: the answer is the name of a folder. The model card's words for a
short answer are added, as to every question, but some cards have none."""
QUESTION_FILE = "question.txt"
HINT = (
    f"Each folder is named by the answer of the pictures in it; the question is in {QUESTION_FILE}, or "
    f"'{DEFAULT_QUESTION}'"
)
_PICTURES = frozenset(
    (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".svg")
)
"""Those that cannot be read, too: they are refused by name and not left out in silence."""
_NO_ANSWERS = frozenset(
    (
        *("image", "images", "img", "imgs", "picture", "pictures", "pic", "pics", "photo", "photos"),
        *("data", "dataset", "train", "training", "test", "val", "validation"),
    )
)


def is_sorted(folder: Path) -> bool:
    """Whether it has a subfolder with a picture in it."""
    return any(_pictures(one) or _nested(one) for one in _subfolders(folder))


def question_of(folder: Path, default: str = "") -> str:
    """The one question about the pictures of a folder. Raises Faulty when its file is empty."""
    for file in sorted(folder.iterdir()):
        if file.name.casefold() == QUESTION_FILE and file.is_file():
            if question := text_of(file).strip():
                return question
            raise Faulty(file, ["it is empty"], hint="Write the question about the pictures into it.")
    return default


def pictures(folder: Path) -> Entries:
    """Every picture, in the order of the names. Raises Faulty for pictures that have no answer."""
    _require_answers(folder)
    whole, numbers = question_of(folder, DEFAULT_QUESTION), count(1)
    for subfolder in _subfolders(folder):
        question, answer = question_of(subfolder, whole), _answer(subfolder)
        for file in _pictures(subfolder):
            image = file.relative_to(folder).as_posix()
            yield f"picture {next(numbers)}", {"image": image, "question": question, "answer": answer}


def _require_answers(folder: Path) -> None:
    faults = [f"{file.name}: it is in no folder" for file in _pictures(folder)]
    for subfolder in _subfolders(folder):
        if _nested(subfolder):
            faults.append(f"{subfolder.name}: it has pictures in folders of its own")
        elif _pictures(subfolder) and subfolder.name.casefold() in _NO_ANSWERS:
            faults.append(f"{subfolder.name}: that is no answer, and there is no table of questions")
    if faults:
        raise Faulty(folder, faults, hint=HINT)


def _answer(folder: Path) -> str:
    return unicodedata.normalize("NFC", folder.name).replace("_", " ").strip()


def _subfolders(folder: Path) -> Iterator[Path]:
    """Without those of version control and of archives made by macOS."""
    return (
        one for one in sorted(folder.iterdir()) if one.is_dir() and not one.name.startswith((".", "__MACOSX"))
    )


def _pictures(folder: Path) -> list[Path]:
    files = (one for one in sorted(folder.iterdir()) if not one.name.startswith("."))
    return [one for one in files if one.suffix.lower() in _PICTURES and one.is_file()]


def _nested(folder: Path) -> bool:
    return any(_pictures(one) or _nested(one) for one in _subfolders(folder))
