"""How well a model tells colors apart: a measure that lives outside the package, added by an entry point."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import Figure, Frozen, Measured, Missing
from viewfinder.measure.measures.base import Facts, Measure, RightAnswers, Row
from viewfinder.measure.metrics import right_answers
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.prompts import graded
from viewfinder.measure.statistics.intervals import wilson
from viewfinder.measure.subject import Subject
from viewfinder.scenes.messages import image_message
from viewfinder.scenes.questions import ask_about
from viewfinder.scenes.scene import make_scene

NAME, FIGURE = "colors", "right color answers"


@dataclass(frozen=True, slots=True)
class ColorCounts:
    questions: int


class Colors(Frozen):
    right: Measured


async def ask(subject: Subject, counts: ColorCounts, nth: int) -> None:
    asked = 0
    for number in count():
        scene = make_scene(f"colors/{number}", longest=(512, 512))
        if question := ask_about(scene, "color", scene.random(NAME)):
            await subject.ask(NAME, graded([image_message(scene, question.text)], question, scene))
            asked += 1
        if asked == counts.questions:
            return


def find(logs: Sequence[ProcessLog], counts: ColorCounts, variant: Variant) -> Colors | Missing:
    answers = list(right_answers(NAME, logs).values())
    n, right = len(answers), sum(answers)
    if not n:
        return Missing(missing="no question was asked")
    low, high = wilson(right, n)
    how = f"right answers to {n} questions about colors; Wilson's interval"
    figure = Figure(value=100 * right / n, low=100 * low, high=100 * high, n=n, unit="%", how=how)
    return Colors(right=figure)


def headline(found: Colors | Missing) -> Measured:
    return found if isinstance(found, Missing) else found.right


def rows(found: Colors | Missing) -> list[Row]:
    return [("Colors told apart (%)", headline(found))]


MEASURE = Measure(
    name=NAME,
    counts={"quick": ColorCounts(12), "standard": ColorCounts(60)},
    result=Colors,
    needs=frozenset({"own_process", "vision"}),
    ask=ask,
    find=find,
    steps=lambda counts, nth: counts.questions,
    resumable=True,  # any process can be asked: answers from before an interruption count
    rows=rows,
    method=("**Colors**: one question about a color, each about a generated picture of its own.",),
    facts=lambda found: Facts(figures={FIGURE: headline(found)}),
    samples={FIGURE: RightAnswers(partial(right_answers, NAME))},
)
