"""Questions with known answers: does this model see, does it read, does it remember the image?

A server that answers is not yet a model that works (a wrong projector, corrupted weights and an engine's
bug all give fluent nonsense), so a model's status rests on these alone.
"""

from collections.abc import Sequence
from itertools import islice

from viewfinder.measure.figures import Gate
from viewfinder.measure.metrics import answered
from viewfinder.measure.prompts import (
    GUESSING,
    about_images,
    conversations,
    graded,
    questions,
    text_message,
    without_images,
)
from viewfinder.measure.statistics.intervals import wilson
from viewfinder.measure.store.rows import Asked
from viewfinder.measure.subject import Subject
from viewfinder.measure.suite import Suite
from viewfinder.scenes.messages import Message, image_message

TURNS = 3
AT_LEAST = 8
"""Questions that even the slowest model is asked; 7 of 8 right still pass."""
PASS = 0.5


async def vision(subject: Subject, suite: Suite) -> Gate:
    """Color, shape, number and presence, each question about an image of its own."""
    prompts = suite.paced(about_images("vision"), suite.vision, AT_LEAST, subject.clock)
    guessing = f"; guessing gives {100 * GUESSING:.0f} %"
    return judge([await subject.ask("vision", prompt) for prompt in prompts], guessing)


async def more_vision(subject: Subject, suite: Suite, times: int) -> None:
    """As many questions as the gate had, so many times further on; for the ranking of models alone, for how
    many there are depends on what came out before."""
    begin = times * suite.vision
    subject.skip_to("vision", begin)
    due = islice(questions("vision"), begin, None)  # no image is drawn of those before
    for scene, question in suite.paced(due, suite.vision, AT_LEAST, subject.clock):
        await subject.ask("vision", graded([image_message(scene, question.text)], question, scene))


async def text(subject: Subject, suite: Suite) -> Gate:
    """Capitals and sums."""
    prompts = suite.paced(without_images("text"), suite.text, AT_LEAST, subject.clock)
    return judge([await subject.ask("text", prompt) for prompt in prompts])


async def follow_up(subject: Subject, suite: Suite) -> Gate:
    """The last of three questions about an image that was sent with the first, its own answers in between.

    One graded answer a conversation, so that answers do not depend on each other.
    """
    last: list[Asked] = []
    for scene, turns in suite.paced(
        conversations("follow-up", TURNS), suite.follow_up, AT_LEAST, subject.clock
    ):
        messages: list[Message] = []
        for turn, question in enumerate(turns, start=1):
            first = image_message(scene, question.text)
            messages = [*messages, first if turn == 1 else text_message(question.text)]
            asked = await subject.ask("follow-up", graded(messages, question, scene))
            if turn == TURNS or not answered(asked.exchange):
                last.append(asked)
                break
            messages = [*messages, {"role": "assistant", "content": asked.exchange.text}]
    return judge(last, f"; turn {TURNS} of a conversation that repeats the image and the model's own answers")


def judge(asked: Sequence[Asked], note: str = "") -> Gate:
    """The gate that these exchanges make; `note` is added to the rule."""
    right = sum(bool(one.right) and answered(one.exchange) for one in asked)
    low, _ = wilson(right, len(asked))
    return Gate(
        passed=low > PASS,
        right=right,
        asked=len(asked),
        answered=sum(answered(one.exchange) for one in asked),
        rule=f"more than half right with 95 % confidence (Wilson's lower bound {100 * low:.0f} %); "
        f"a failed or empty answer is not right{note}",
    )
