"""How well a model tells colors apart: a measure that lives outside the package, added by an entry point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import Figure, Frozen, Measured, Missing
from viewfinder.measure.measures.base import Facts, Measure, Reader, RightAnswers, Row, Writer
from viewfinder.measure.metrics import right_answers
from viewfinder.measure.process_log import ProcessLog, Series
from viewfinder.measure.prompts import graded
from viewfinder.measure.statistics.intervals import wilson
from viewfinder.measure.subject import Subject
from viewfinder.scenes.messages import image_message
from viewfinder.scenes.questions import ask_about
from viewfinder.scenes.scene import make_scene

FIGURE = "right color answers"


@dataclass(frozen=True, slots=True)
class ColorCounts:
    questions: int


class Colors(Frozen):
    right: Measured


class ColorMeasure(Measure[ColorCounts, Colors]):
    name = "colors"
    counts: Mapping[str, ColorCounts] = {"quick": ColorCounts(12), "standard": ColorCounts(60)}
    result = Colors
    needs = frozenset({"own_process", "vision"})
    resumable = True  # any process can be asked: answers from before an interruption count
    method = ("**Colors**: one question about a color, each about a generated picture of its own.",)

    def steps(self, counts: ColorCounts, nth: int) -> int:
        return counts.questions

    async def ask(self, subject: Subject, counts: ColorCounts, nth: int) -> Series:
        asked = 0
        for number in count():
            scene = make_scene(f"colors/{number}", longest=(512, 512))
            if question := ask_about(scene, "color", scene.random("colors")):
                await subject.ask(self.name, graded([image_message(scene, question.text)], question, scene))
                asked += 1
            if asked == counts.questions:
                break
        return {}

    def find(self, logs: Sequence[ProcessLog], counts: ColorCounts, variant: Variant) -> Colors:
        answers = list(right_answers(self.name, logs).values())
        n, right = len(answers), sum(answers)
        if not n:
            return Colors(right=Missing(missing="no question was asked"))
        low, high = wilson(right, n)
        return Colors(
            right=Figure(
                value=100 * right / n,
                low=100 * low,
                high=100 * high,
                n=n,
                unit="%",
                how=f"right answers to {n} questions about colors; Wilson's interval",
            )
        )

    def rows(self, found: Colors | Missing, write: Writer) -> list[Row]:
        return [("Colors told apart (%)", write.figure(found if isinstance(found, Missing) else found.right))]

    def facts(self, found: Colors | Missing) -> Facts:
        return Facts(figures={FIGURE: found if isinstance(found, Missing) else found.right})

    def samples(self) -> Mapping[str, Reader]:
        return {FIGURE: RightAnswers(partial(right_answers, self.name))}
