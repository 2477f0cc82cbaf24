"""The guide of six sets of results: the answer, the statuses, the first screen, no number from nowhere."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.sets import SETS, Stored, own
from viewfinder.catalog.published import published
from viewfinder.measure.figures import Figure
from viewfinder.measure.results import ModelResult
from viewfinder.report.content import Guide
from viewfinder.report.document import make_guide
from viewfinder.report.formats import write

GOLDEN = Path(__file__).parent / "golden"


def guide_of(stored: Stored) -> Guide:
    return make_guide(stored.results, published(), stored.previous, evidence=stored.evidence)


def first_screen(guide: str) -> str:
    return guide.partition("\n## The models\n")[0]


@pytest.mark.parametrize("name", SETS)
def test_the_first_screen_is_as_it_was_found_good(name: str) -> None:
    """`VIEWFINDER_GOLDEN=write` writes the files anew: read the difference, then commit it."""
    file = GOLDEN / f"{name.replace(' ', '-')}.md"
    said = first_screen(write(guide_of(SETS[name]()), "md"))
    if os.environ.get("VIEWFINDER_GOLDEN") == "write":
        file.write_text(said, encoding="utf-8")
    assert said == file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "statuses", "answer"),
    [
        (
            "all good",
            [*["production ready"] * 5, "verified"],
            "For pictures and text on this computer use glimpse: 97 % right, 0.32 s, "
            "0.031 GB; Phi-3.5-Vision-Instruct, Moondream2, "
            "SmolVLM-500M-Instruct and 1 more are as good and slower",
        ),
        (
            "a leaking and a vision-only model",
            ["avoid", "vision-only"],
            "For pictures on this computer use Moondream2: 97 % right, 0.32 s, 0.031 GB; no "
            "measured model can be recommended for text without a picture",
        ),
        (
            "a regression and noise",
            ["production ready"] * 2,
            "For pictures and text on this computer use other: 97 % right, 0.32 s, 0.031 "
            "GB; glimpse is as good and slower",
        ),
        (
            "a budget that ran out",
            ["incomplete"],
            "Which model to use is not known yet: the measurement of glimpse was not completed",
        ),
        (
            "own pictures with none right",
            ["verified"] * 2,
            "No measured model can be recommended on this computer; glimpse and other: "
            "answered none of your own questions right",
        ),
        (
            "disturbed timings",
            ["verified"] * 2,
            "For pictures and text on this computer use glimpse or slow, "
            "which do not surely differ: 97 % right, 0.32 s (disturbed), 0.031 GB; 97 % right, 1.9 s "
            "(disturbed), 0.031 GB",
        ),
    ],
)
def test_the_answer_and_the_statuses(name: str, statuses: list[str], answer: str) -> None:
    guide = guide_of(SETS[name]())
    assert guide.answer.text == answer
    assert [row[-1].text for row in guide.overview.rows] == statuses


def test_a_change_is_named_and_noise_is_not() -> None:
    changed, same = guide_of(SETS["a regression and noise"]()).changes
    assert changed.about == "glimpse"
    assert "average inference 1.33 times (1.19 to 1.49)" in changed.text
    assert same.text.startswith("no change seen")


def test_where_only_own_questions_were_asked_the_answer_is_about_them(make: Any) -> None:
    def only(name: str, right: float) -> ModelResult:
        result: ModelResult = make.result(name, status="not judged", own_images=own(right, 5.0))
        return result.model_copy(update={"found": {"own_images": result.found["own_images"]}})

    good, bad = only("good", 85.0), only("bad", 40.0)
    assert make_guide([bad, good], published()).answer.text == (
        "For your own pictures use good: 85 % of your own questions right; whether it "
        "serves well was not measured"
    )
    nobody = make_guide([only("bad", 0.0)], published())
    assert nobody.answer.text.endswith("answered none of your own questions right")


def test_none_right_is_recommended_for_nothing() -> None:
    *uses, avoid = guide_of(SETS["own pictures with none right"]()).recommendations
    assert all(use.text.startswith(("no measured model", "none")) for use in uses)
    assert "answered none of your own questions right" in avoid.text


@pytest.mark.parametrize("name", SETS)
def test_it_is_short_and_answers_first(name: str) -> None:
    """Every blank-separated word counts, those of tables' rules too."""
    stored = SETS[name]()
    text = write(guide_of(stored), "md")
    before_method, method, _ = text.partition("\n## How it was measured\n")
    assert method
    most = 350 if len(stored.results) == 1 else 600
    assert len(first_screen(text).split()) <= most
    assert len(before_method.split()) < 3000
    assert len(text.partition("**")[0].split()) < 15, "the answer is the first sentence"
    assert len(re.findall(r"^\[\^", text, re.MULTILINE)) <= 12


@pytest.mark.parametrize("name", SETS)
def test_no_number_comes_from_nowhere(name: str) -> None:
    """Every number of the overview and of the answer is a stored figure, or stands in a stored sentence."""
    stored = SETS[name]()
    guide = guide_of(stored)
    known = [number for result in (*stored.results, *stored.previous) for number in numbers_in(result)]
    words = " ".join(result.model_dump_json() for result in stored.results)
    for row in guide.overview.rows:
        for cell in row[3:7]:
            for said in re.findall(r"-?\d+\.?\d*", cell.text.replace(",", "")):
                assert is_known(float(said), known) or said in words, (cell.text, said)
    for said in re.findall(r"\d+\.\d+", guide.answer.text):
        assert is_known(float(said), known) or said in words, guide.answer.text


def numbers_in(result: ModelResult) -> Iterator[float]:
    facts = result.facts
    for figure in facts.figures.values():
        if isinstance(figure, Figure):
            for number in (figure.value, figure.low, figure.high):
                yield from (number, number / 1e9, number / 1e3)


def is_known(said: float, known: list[float]) -> bool:
    return any(abs(said - number) <= max(0.06 * abs(number), 5e-4) for number in known)


def test_six_models_with_everything_to_say_stay_on_one_screen() -> None:
    talk = "and then it answered for another picture than the one that was sent with the question"
    busy = "other programs used 40 % of the processors while requests were timed"
    results = [
        one.model_copy(
            update={
                "title": f"Some-Vision-Model-{number}B-Instruct 4bit",
                "issues": tuple(f"issue {issue} {talk}, {talk}" for issue in range(4)),
                "contaminated": busy,
            }
        )
        for number, one in enumerate(SETS["all good"]().results)
    ]
    earlier = [one.model_copy(update={"run": "run-1", "measured_at": "2026-11-20"}) for one in results]
    guide = write(make_guide(results, published(), earlier), "md")
    assert len(first_screen(guide).split()) <= 600
