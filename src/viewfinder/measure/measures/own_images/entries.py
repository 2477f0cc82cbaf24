"""Questions in JSON: a list of objects, one object a line, or VQA v2 as published; called by `questions`."""

import json
from pathlib import Path
from typing import Any

from viewfinder.measure.measures.own_images.columns import recognized
from viewfinder.measure.measures.own_images.faulty import Entries, Faulty
from viewfinder.measure.measures.own_images.text_files import text_of

JSON_ENDINGS = (".json", ".jsonl", ".ndjson")
_LIST = "Write a list of objects: image, question, answer; or one object a line, in a .jsonl file."


def entries(file: Path, question: str = "") -> Entries:
    """The objects of a list, or of a file with one in each line; `question` is that of all of them that have
    none. Raises Faulty.

    The first letter decides, not the name: both kinds are found under either.
    """
    text = text_of(file)
    if text.lstrip()[:1] == "[":
        found = [(f"entry {number}", entry) for number, entry in enumerate(_json(file, text), start=1)]
    else:
        found = _lines(file, text)
    for where, entry in found:
        if not isinstance(entry, dict):
            yield where, {"fault": "it is not an object"}
            continue
        names = list(map(str, entry))
        places, fault = recognized(names, needs_question=not question)
        if fault:
            raise Faulty(file, [f"{where}: {fault.replace('no column is', 'nothing is')}"])
        values = {key: entry[names[place]] for key, place in places.items()}
        values["question"] = values.get("question") or question
        if isinstance(values.get("answer"), list):
            values["answers"] = values.pop("answer")
        yield where, values


def published(folder: Path, questions: Path, annotations: Path) -> Entries:
    """The two files as https://visualqa.org/download.html describes them; images are named as in COCO, and
    may be in subfolders."""
    asked, known = (_json(file, text_of(file)) for file in (questions, annotations))
    try:
        answers = {one["question_id"]: [a["answer"] for a in one["answers"]] for one in known["annotations"]}
        here = {file.name: str(file.relative_to(folder)) for file in folder.rglob("*.jpg")}
        for one in asked["questions"]:
            where, found = f"question {int(one['question_id'])}", answers.get(one["question_id"], [])
            name = f"COCO_{asked['data_subtype']}_{int(one['image_id']):012d}.jpg"
            yield where, {"image": here.get(name, name), "question": one["question"], "answers": found}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Faulty(questions, ["it and the annotations are not as VQA v2 was published"]) from None


def _lines(file: Path, text: str) -> list[tuple[str, Any]]:
    """The object of each line that has one."""
    if _is_one_object(text):
        raise Faulty(file, ["it is not a list"], hint=_LIST)
    numbered = enumerate(text.split("\n"), start=1)
    return [(f"line {number}", _json(file, line, number)) for number, line in numbered if line.strip()]


def _is_one_object(text: str) -> bool:
    """Whether it is a single object that is written over several lines."""
    if "\n" not in text.strip():
        return False
    try:
        json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return False
    return True


def _json(file: Path, text: str, line: int = 1) -> Any:
    """`line` is that of the text's beginning."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {line - 1 + error.lineno}: {error.msg}"
    except RecursionError:
        where = "too deep"
    raise Faulty(file, [where], hint="It must be JSON.")
