"""Folders of questions: what is read, and every fault with its line."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.measure.measures.own_images.folders import fault_of, folder_with, in_order
from viewfinder.core.errors import InvalidImage
from viewfinder.measure.measures.own_images.questions import OwnQuestion, OwnQuestions, read_folder

HEAD = "image,question,answer\n"


def test_a_csv_file_as_a_spreadsheet_writes_it(tmp_path: Path) -> None:
    lines = '\ufeffimage,question,answer\r\na.jpg,"What, if any?",Red\r\nb/c.png,"Two\nlines?",3\r\n\r\n'
    found = in_order(read_folder(folder_with(tmp_path, lines)))
    assert found == [
        OwnQuestion("line 2", "a.jpg", "What, if any?", ("Red",)),
        OwnQuestion("line 4", "b/c.png", "Two\nlines?", ("3",)),
    ]


def test_several_answers(tmp_path: Path) -> None:
    [one] = read_folder(folder_with(tmp_path, "answers,image,question\nsofa | couch,a.jpg,What?\n")).questions
    assert one.answers == ("sofa", "couch")


def test_a_json_file(tmp_path: Path) -> None:
    entries = [
        {"image": "a.jpg", "question": "What?", "answers": ["sofa", "couch"]},
        {"image": "a.jpg", "question": "How many?", "answer": 3},
    ]
    found = in_order(read_folder(folder_with(tmp_path, json.dumps(entries), "my.json")))
    assert [(one.where, one.answers) for one in found] == [
        ("entry 1", ("sofa", "couch")),
        ("entry 2", ("3",)),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "questions.csv: line 1: no column is named image or question or answer (it has nothing)."),
        (HEAD, "questions.csv: there is no question in it."),
        ("image,question\na,b\n", "line 1: no column is named answer (it has image, question)."),
        (
            "image,question,anwser\na,b,c\n",
            "'anwser' is not known; if it is meant to be 'answer', write that.",
        ),
        (
            "image,question,answer,answers\n",
            "questions.csv: line 1: it has both 'answer' and 'answers'; keep one of them.",
        ),
        (f"{HEAD}a.jpg,What?,\n", "questions.csv: line 2: an empty answer."),
        (f"{HEAD}a.jpg,What?\n", "questions.csv: line 2: an empty answer."),
        (f"{HEAD},What?,x\na.jpg, ,x\n", "questions.csv: line 2: no image; line 3: no question."),
        (
            f"{HEAD}a.jpg,What, really?,x\n",
            "questions.csv: line 2: more cells than columns; put text with commas in quotes.",
        ),
        ("image,question,answers\na.jpg,What?,x||y\n", "questions.csv: line 2: an empty answer."),
        (
            f'{HEAD}a.jpg,"What?,x\n',
            'questions.csv: line 2: a quote is not closed; write "" for a quote within quoted text.',
        ),
        (HEAD.encode() + b"a.jpg,What?,\xff\n", "questions.csv: line 2: it is not UTF-8."),
        (HEAD + "a.jpg,What?,\n" * 7, "line 6: an empty answer (and 2 more)."),
    ],
)
def test_faults_of_a_csv_file(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert fault_of(folder_with(tmp_path, text)).endswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[\n{"image": }]', "q.json: line 2: Expecting value."),
        ("{\n}", "q.json: it is not a list."),
        ("[3]", "q.json: entry 1: it is not an object."),
        ('[{"image": "a", "question": "b", "answers": "c"}]', "q.json: entry 1: its answers are not a list."),
        ('[{"image": "a", "question": "b", "answers": []}]', "q.json: entry 1: an empty answer."),
        (
            '[{"image": "a", "question": "b", "answer": true}]',
            "q.json: entry 1: an answer that is neither text nor a number.",
        ),
        ('[{"image": "a", "question": 1, "answer": null}]', "q.json: entry 1: an empty answer."),
        (
            '[{"image": "a", "question": "b", "anwser": "c"}]',
            "q.json: entry 1: 'anwser' is not known; if it is meant to be 'answer', write that.",
        ),
        ('[{"image": "a"}]', "q.json: entry 1: nothing is named question or answer (it has image)."),
        ("[" * 100_000, "q.json: too deep."),
    ],
)
def test_faults_of_a_json_file(tmp_path: Path, text: str, said: str) -> None:
    assert fault_of(folder_with(tmp_path, text, "q.json")) == said


def test_which_file_it_is_must_be_clear(tmp_path: Path) -> None:
    assert fault_of(tmp_path / "none").endswith("there is no such folder.")
    assert fault_of(tmp_path).endswith("there is no file of questions.")
    folder_with(tmp_path, HEAD)
    assert fault_of(tmp_path / "questions.csv").endswith("questions.csv: it is a file.")
    folder_with(tmp_path, HEAD, "b.CSV")
    folder_with(tmp_path, HEAD, "._b.csv")  # macOS leaves such files
    assert fault_of(tmp_path).endswith("there are several files of questions (b.CSV, questions.csv).")


def published(folder: Path, annotations: Sequence[dict[str, Any]], **more: Any) -> Path:
    """As v2_OpenEnded_mscoco_val2014_questions.json and v2_mscoco_val2014_annotations.json are."""
    questions = [
        {"image_id": 262148, "question": "Where is he looking?", "question_id": 262148000},
        {"image_id": 393225, "question": "What website?", "question_id": 393225000},
    ]
    head = {"data_type": "mscoco", "data_subtype": "val2014", "license": {}, "info": {}, **more}
    text = json.dumps({**head, "task_type": "Open-Ended", "questions": questions})
    folder_with(folder, text, "v2_OpenEnded_mscoco_val2014_questions.json")
    return folder_with(
        folder, json.dumps({**head, "annotations": annotations}), "v2_mscoco_val2014_annotations.json"
    )


def annotation(question: int, *answers: str) -> dict[str, Any]:
    given = [
        {"answer": answer, "answer_confidence": "yes", "answer_id": number}
        for number, answer in enumerate(answers, start=1)
    ]
    return {
        "question_id": question,
        "image_id": question // 1000,
        "answers": given,
        "question_type": "none of the above",
        "multiple_choice_answer": answers[0],
        "answer_type": "other",
    }


def test_vqa_v2_as_published(tmp_path: Path) -> None:
    votes = ["down"] * 7 + ["at table"] * 3
    published(tmp_path, [annotation(262148000, *votes), annotation(393225000, *["foodiebakercom"] * 10)])
    (tmp_path / "val2014").mkdir()
    (tmp_path / "val2014" / "COCO_val2014_000000262148.jpg").touch()
    own = read_folder(tmp_path)
    one, other = in_order(own)
    assert one == OwnQuestion(
        "question 262148000",
        "val2014/COCO_val2014_000000262148.jpg",
        "Where is he looking?",
        tuple(votes),
    )
    assert own.file_of(one).name == "COCO_val2014_000000262148.jpg"
    with pytest.raises(InvalidImage, match="no such image"):
        own.file_of(other)


def test_vqa_v2_with_a_question_that_nobody_answered(tmp_path: Path) -> None:
    """So are the questions of the test sets."""
    published(tmp_path, [annotation(262148000, *["down"] * 10)])
    assert fault_of(tmp_path).endswith("questions.json: question 393225000: an empty answer.")


def test_two_files_that_only_look_like_vqa_v2(tmp_path: Path) -> None:
    published(tmp_path, [{"question_id": 262148000}])
    assert fault_of(tmp_path).endswith("it and the annotations are not as VQA v2 was published.")


def test_an_image_outside_the_folder_is_not_read(tmp_path: Path) -> None:
    """The author of the questions may want another file of this computer to be sent to a server."""
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.png").write_bytes(b"secret")
    (inside / "link.png").symlink_to(tmp_path / "secret.png")
    own = OwnQuestions(inside, ())
    for image in ("../secret.png", str(tmp_path / "secret.png"), "link.png"):
        with pytest.raises(InvalidImage, match="outside"):
            own.file_of(OwnQuestion("line 2", image, "What?", ("x",)))
    for image in ("x" * 5000, "a\0b", ".", "gone.png"):
        with pytest.raises(InvalidImage, match="no such image"):
            own.file_of(OwnQuestion("line 2", image, "What?", ("x",)))


def test_the_order_is_always_the_same_and_not_the_files(tmp_path: Path) -> None:
    rows = HEAD + "".join(f"{number}.jpg,What?,x\n" for number in range(40))
    once, again = (read_folder(folder_with(tmp_path, rows)).questions for _ in range(2))
    assert once == again
    assert once != tuple(sorted(once, key=lambda one: int(one.where.split()[1])))


def test_the_digest_is_of_the_questions_that_are_asked(tmp_path: Path) -> None:
    rows = HEAD + "a.jpg,What?,x\nb.jpg,What?,x\n"
    for name in "ab":
        (tmp_path / f"{name}.jpg").write_bytes(b"pixels")
    own = read_folder(folder_with(tmp_path, rows))
    first, both = own.digest(1), own.digest(2)
    assert first != both
    (tmp_path / own.questions[1].image).write_bytes(b"others")
    assert own.digest(1) == first
    assert own.digest(2) != both
    other = read_folder(folder_with(tmp_path, rows.replace(",x", ",y")))
    assert other.digest(1) != first
