"""Questions with known answers: does this model see, does it read, does it remember the image?

A server that answers is not yet a model that works (a wrong projector, corrupted weights and an engine's bug
all give fluent nonsense), so a model's status rests on these alone.
"""

from itertools import islice

from viewfinder.measure.measures.gates.counts import GateCounts
from viewfinder.measure.metrics import answered
from viewfinder.measure.pacing import paced
from viewfinder.measure.process_log import Series
from viewfinder.measure.prompts import (
    about_images,
    conversations,
    graded,
    questions,
    text_message,
    without_images,
)
from viewfinder.measure.subject import Subject
from viewfinder.scenes.messages import Message, image_message

TURNS = 3
LEAST_QUESTIONS = 8
"""Asked of even the slowest model; 7 of 8 right still pass."""
DONE = "done"
"""Ends the name of the series that says that a gate was asked to its end."""


async def gates(subject: Subject, counts: GateCounts, nth: int) -> Series:
    """All gates on the first process; on a later one more image questions."""
    if nth:
        subject.begin("more image questions", counts.vision)
        await more_vision(subject, counts, nth)
        return {}
    subject.begin("text questions", counts.text)
    await text(subject, counts)
    subject.noted[f"text {DONE}"].append(1.0)
    if subject.server.variant.vision:
        subject.begin("image questions", counts.vision)
        await vision(subject, counts)
        subject.noted[f"vision {DONE}"].append(1.0)
        subject.begin("conversations", counts.follow_up * TURNS)
        await follow_up(subject, counts)
        subject.noted[f"follow-up {DONE}"].append(1.0)
    return {}


def steps(counts: GateCounts, nth: int) -> int:
    """How many requests a process is asked at most."""
    return counts.vision if nth else counts.text + counts.vision + counts.follow_up * TURNS


async def vision(subject: Subject, counts: GateCounts) -> None:
    """Color, shape, number and presence, each question about an image of its own."""
    prompts = about_images("vision")
    for prompt in paced(prompts, counts.vision, LEAST_QUESTIONS, counts.budget_s, subject.clock):
        await subject.ask("vision", prompt)


async def more_vision(subject: Subject, counts: GateCounts, times: int) -> None:
    """As many questions as the gate had, `times` that many further into the same series. They serve the
    ranking of models alone, for their number depends on earlier answers."""
    begin = times * counts.vision
    subject.skip_to("vision", begin)
    later = islice(questions("vision"), begin, None)  # no image is drawn of those before
    for scene, question in paced(later, counts.vision, LEAST_QUESTIONS, counts.budget_s, subject.clock):
        await subject.ask("vision", graded([image_message(scene, question.text)], question, scene))


async def text(subject: Subject, counts: GateCounts) -> None:
    """Capitals and sums."""
    prompts = without_images("text")
    for prompt in paced(prompts, counts.text, LEAST_QUESTIONS, counts.budget_s, subject.clock):
        await subject.ask("text", prompt)


async def follow_up(subject: Subject, counts: GateCounts) -> None:
    """Three questions about an image that is sent with the first, the model's own answers in between."""
    talks = conversations("follow-up", TURNS)
    for scene, turns in paced(talks, counts.follow_up, LEAST_QUESTIONS, counts.budget_s, subject.clock):
        messages: list[Message] = []
        for turn, question in enumerate(turns, start=1):
            first = image_message(scene, question.text)
            messages = [*messages, first if turn == 1 else text_message(question.text)]
            sample = await subject.ask("follow-up", graded(messages, question, scene))
            if not answered(sample.exchange):
                break
            messages = [*messages, {"role": "assistant", "content": sample.exchange.text}]
