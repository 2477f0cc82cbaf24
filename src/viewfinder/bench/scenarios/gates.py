"""Questions with known answers: does this model see, does it read, does it remember the image?

A server that answers is not yet a model that works (a wrong projector, corrupted weights and an engine's
bug all give fluent nonsense), so a model's status rests on these alone.
"""

from collections.abc import Iterable

from viewfinder.bench.prompts import (
    GUESSING,
    Message,
    Prompt,
    about_images,
    conversations,
    graded,
    image_message,
    text_message,
    without_images,
)
from viewfinder.bench.results import Gate
from viewfinder.bench.stats import wilson
from viewfinder.bench.subject import Subject
from viewfinder.bench.suite import Suite

TURNS = 3
AT_LEAST = 8
"""Questions that even the slowest model is asked; 7 of 8 right still pass."""
PASS = 0.5


async def vision(subject: Subject, suite: Suite) -> Gate:
    """Color, shape, number and presence, each question about an image of its own."""
    prompts = suite.paced(about_images("vision"), suite.vision, AT_LEAST)
    guessing = f"; guessing gives {100 * GUESSING:.0f} %"
    return judge([await _ask(subject, "vision", prompt) for prompt in prompts], guessing)


async def text(subject: Subject, suite: Suite) -> Gate:
    """Capitals and sums."""
    prompts = suite.paced(without_images("text"), suite.text, AT_LEAST)
    return judge([await _ask(subject, "text", prompt) for prompt in prompts])


async def follow_up(subject: Subject, suite: Suite) -> Gate:
    """The last of three questions about an image that was sent with the first, its own answers in between.

    One graded answer a conversation, so that answers do not depend on each other.
    """
    right = []
    for scene, questions in suite.paced(conversations("follow-up", TURNS), suite.follow_up, AT_LEAST):
        messages: list[Message] = []
        for turn, question in enumerate(questions, start=1):
            first = image_message(scene, question.text)
            messages = [*messages, first if turn == 1 else text_message(question.text)]
            asked = await subject.ask("follow-up", graded(messages, question, scene))
            if not asked.exchange.text or asked.exchange.error:
                right.append(False)
                break
            if turn == TURNS:
                right.append(bool(asked.right))
            messages = [*messages, {"role": "assistant", "content": asked.exchange.text}]
    return judge(
        right, f"; turn {TURNS} of a conversation that repeats the image and the model's own answers"
    )


async def _ask(subject: Subject, scenario: str, prompt: Prompt) -> bool:
    return bool((await subject.ask(scenario, prompt)).right)


def judge(answers: Iterable[bool], note: str = "") -> Gate:
    """The gate that these answers make; `note` is added to the rule."""
    given = list(answers)
    low, _ = wilson(sum(given), len(given))
    return Gate(
        passed=low > PASS,
        right=sum(given),
        asked=len(given),
        rule=f"more than half right with 95 % confidence (Wilson's lower bound {100 * low:.0f} %); "
        f"a failed or empty answer is not right{note}",
    )
