"""Questions with known answers: does this model see, does it read, does it remember the image?

A server that answers is not yet a model that works (a wrong projector, corrupted weights and an engine's bug
all give fluent nonsense), so a model's status rests on these questions alone.
"""

from collections.abc import Iterable
from itertools import islice

from viewfinder.measure import prompts
from viewfinder.measure.forecast import Batch
from viewfinder.measure.measures.gates.counts import GateCounts
from viewfinder.measure.metrics import answered
from viewfinder.measure.pacing import paced
from viewfinder.measure.subject import Subject
from viewfinder.scenes.messages import Message, image_message

FOLLOW_UP_TURNS = 3
LEAST_GATE_QUESTIONS = 8
"""Questions that even the slowest model gets; 7 of 8 right still pass."""
GATE_DONE = "done"
"""Ends the name of the series which shows that a gate was finished."""


async def gates(subject: Subject, counts: GateCounts, nth: int) -> None:
    if nth:
        subject.begin("more image questions", counts.vision)
        await _more_vision(subject, counts, nth)
        return
    subject.begin("text questions", counts.text)
    await _ask(subject, "text", prompts.without_images("text"), counts.text, counts)
    if subject.server.variant.vision:
        subject.begin("image questions", counts.vision)
        await _ask(subject, "vision", prompts.about_images("vision"), counts.vision, counts)
        subject.begin("conversations", counts.follow_up * FOLLOW_UP_TURNS)
        await _follow_up(subject, counts)


def steps(counts: GateCounts, nth: int) -> int:
    return counts.vision if nth else counts.text + counts.vision + counts.follow_up * FOLLOW_UP_TURNS


def batches(counts: GateCounts, nth: int) -> list[Batch]:
    least, budget_s = LEAST_GATE_QUESTIONS, counts.budget_s
    vision = Batch(counts.vision, "image", least, budget_s)
    if nth:
        return [vision]
    turns = FOLLOW_UP_TURNS
    conversations = Batch(counts.follow_up * turns, "image", least * turns, budget_s)
    return [Batch(counts.text, "text", least, budget_s), vision, conversations]


async def _ask(
    subject: Subject, gate: str, asked: Iterable[prompts.Prompt], most: int, counts: GateCounts
) -> None:
    for prompt in paced(asked, most, LEAST_GATE_QUESTIONS, counts.budget_s, subject.clock):
        await subject.ask(gate, prompt)
    subject.noted[f"{gate} {GATE_DONE}"].append(1.0)


async def _more_vision(subject: Subject, counts: GateCounts, times: int) -> None:
    """As many questions as the gate had, `times` that many further into the same series. They serve the
    ranking of models alone, for their number depends on earlier answers."""
    begin = times * counts.vision
    subject.skip_to("vision", begin)
    later = islice(prompts.questions("vision"), begin, None)  # without drawing the images before
    for scene, question in paced(later, counts.vision, LEAST_GATE_QUESTIONS, counts.budget_s, subject.clock):
        await subject.ask("vision", prompts.graded([image_message(scene, question.text)], question, scene))


async def _follow_up(subject: Subject, counts: GateCounts) -> None:
    """Three questions about an image that is sent with the first, the model's own answers in between."""
    talks = prompts.conversations("follow-up", FOLLOW_UP_TURNS)
    for scene, turns in paced(talks, counts.follow_up, LEAST_GATE_QUESTIONS, counts.budget_s, subject.clock):
        messages: list[Message] = []
        for turn, question in enumerate(turns, start=1):
            first = image_message(scene, question.text)
            messages = [*messages, first if turn == 1 else prompts.text_message(question.text)]
            sample = await subject.ask("follow-up", prompts.graded(messages, question, scene))
            if not answered(sample.exchange):
                break
            messages = [*messages, {"role": "assistant", "content": sample.exchange.text}]
    subject.noted[f"follow-up {GATE_DONE}"].append(1.0)
