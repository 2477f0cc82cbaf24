"""Questions in JSON, as a list and as one object a line."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.measure.measures.own_images.folders import asked, fault_of, folder_with

ENTRIES: list[dict[str, Any]] = [
    {"Image": "a.png", "question": "What?", "answers": ["sofa", "couch"], "id": 1},
    {"file_name": "b.png", "prompt": "How many?", "label": 2},
    {"image": "c.png", "question": "Who?", "answer": ["me", "I"], "meta": {"x": None}},
]
READ = [
    ("a.png", "What?", ("sofa", "couch")),
    ("b.png", "How many?", ("2",)),
    ("c.png", "Who?", ("me", "I")),
]
LINES = "\n".join(map(json.dumps, ENTRIES))


@pytest.mark.parametrize("name", ["q.json", "q.jsonl", "Q.JSONL", "q.ndjson"])
@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ENTRIES),
        json.dumps(ENTRIES, indent=2),
        LINES,
        f"\n{LINES}\n\n",
        LINES.replace("\n", "\r\n \r\n"),
        f"\ufeff{LINES}",
    ],
)
def test_either_form_under_either_name(tmp_path: Path, name: str, text: str) -> None:
    assert asked(folder_with(tmp_path, text, name)) == READ


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{LINES}\n{{", "q.jsonl: line 4: Expecting property name enclosed in double quotes."),
        (f"{LINES}\n3", "q.jsonl: line 4: it is not an object."),
        (f'{LINES}\n{{"image": "a"}}', "line 4: nothing is named question or answer (it has image)."),
        (f'{LINES}\n\n{{"image": "a", "question": "?", "answer": " "}}', "q.jsonl: line 5: an empty answer."),
        (json.dumps({"questions": ENTRIES}, indent=1), "q.jsonl: it is not a list."),
        ("", "q.jsonl: there is no question in it."),
    ],
)
def test_a_fault_names_the_line(tmp_path: Path, text: str, said: str) -> None:
    assert fault_of(folder_with(tmp_path, text, "q.jsonl")).endswith(said)
