"""The facts that a model still knows of an image some turns later.

Chat Completions keeps nothing between requests, so "without re-sending the image" can mean several things.
Each is an arm of its own, never mixed with another:

R       the whole history is sent again with every turn, the image in its first: the standard contract
S       the server keeps the history, and only the new turn is sent (/v1/responses): running servers that
        have this
T       the image is removed from the history after its turn: only the model's own words remain
single  each fact alone with its image: the facts that the model sees at all
blind   each fact alone without it: the facts that it guesses
"""

from collections.abc import Sequence

from viewfinder.client.turns import KeptConversation
from viewfinder.measure.forecast import Batch
from viewfinder.measure.measures.dialogues.counts import DialogueCounts
from viewfinder.measure.measures.dialogues.recall import (
    BLIND,
    RESENT,
    SERVER_KEPT,
    SINGLE,
    TEXT_ONLY,
    Recall,
    headline,
    is_settled,
    scenario_of,
)
from viewfinder.measure.measures.dialogues.script import DISTANCES, TALK, TURNS, Dialogue, Line, dialogues
from viewfinder.measure.pacing import paced
from viewfinder.measure.prompts import DESCRIBE, Prompt, graded, text_message
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.subject import Subject
from viewfinder.scenes.messages import Message, image_message

LEAST_DIALOGUES = 1
"""Dialogues that even the slowest model gets: almost thirty requests."""
LOOK_EVERY = 22
"""Dialogues between two checks of whether the headline is precise enough: 7 checks at most in `standard`. If
the interval were checked after every answer, the measure would stop at a lucky moment with too narrow an
interval."""
REQUESTS = TURNS + DISTANCES[-1] + 2 * len(DISTANCES)
"""The most requests of one dialogue in all arms, without those of S."""


async def hold_dialogues(subject: Subject, counts: DialogueCounts, nth: int) -> None:
    variant, samples = subject.server.variant, list[Sample]()
    script = dialogues(two_images=variant.images != 1)
    held = paced(script, counts.dialogues, LEAST_DIALOGUES, counts.budget_s, subject.clock)
    for number, dialogue in enumerate(held):
        if number % LOOK_EVERY == 0 and is_settled(headline(Recall(samples)), counts.half_width):
            break
        samples += await _hold(subject, dialogue, reads=variant.text)


def batches(counts: DialogueCounts, nth: int) -> list[Batch]:
    """Of most turns, the engine remembers all but the last words. A good model's headline is precise enough
    at the second check, another's never: between the two."""
    often = counts.dialogues if counts.half_width == 0 else min(counts.dialogues, 3 * LOOK_EVERY)
    images = len(DISTANCES) + 2
    return [
        Batch(often * images, "image", images, counts.budget_s),
        Batch(often * (REQUESTS - images), "text", REQUESTS - images, counts.budget_s),
    ]


async def _hold(subject: Subject, dialogue: Dialogue, *, reads: bool) -> list[Sample]:
    """One dialogue in all arms; those without an image only where the variant `reads`."""
    first = dialogue.lines[0]
    shown = {line.scene.seed: image_message(line.scene, DESCRIBE) for line in dialogue.lines if line.shows}
    turns = [
        shown[line.scene.seed] if line.shows else text_message(line.question.text) for line in dialogue.lines
    ]
    samples = await _converse(subject, RESENT, dialogue.lines, turns)
    opening = samples[0].exchange
    if (kept := await subject.kept_conversation()) is not None:
        samples += await _converse(subject, SERVER_KEPT, dialogue.lines, turns, kept=kept)
    if reads and not opening.error:  # the first turn is the same in both arms
        said = [text_message(first.question.text), _reply(opening.text)]
        lines = dialogue.about_first[1:]
        samples += await _converse(subject, TEXT_ONLY, lines, turns[1 : len(lines) + 1], said)
    for line, fact in dialogue.facts:
        alone = [_reworded(shown[line.scene.seed], fact.text)]
        samples.append(await subject.ask(scenario_of(SINGLE, line.role), graded(alone, fact, line.scene)))
    for line, fact in dialogue.facts:
        if reads and line.scene is first.scene:
            blind = [text_message(fact.text)]
            samples.append(await subject.ask(scenario_of(BLIND, line.role), graded(blind, fact, line.scene)))
    return samples


async def _converse(
    subject: Subject,
    arm: str,
    lines: Sequence[Line],
    turns: Sequence[Message],
    said: Sequence[Message] = (),
    kept: KeptConversation | None = None,
) -> list[Sample]:
    """The lines' turns one after the other, with the model's own answers in between, after the messages
    `said`; or `kept` by the server.

    A turn that fails ends the dialogue: nothing can follow an error. An empty answer can be followed.
    """
    messages, answers = list(said), list[Sample]()
    for line, turn in zip(lines, turns, strict=True):
        messages = [*messages, turn]
        prompt = graded(messages, line.question, line.scene)
        if line.role == TALK:
            prompt = Prompt(messages, line.question.text, line.scene.seed)
        scenario = scenario_of(arm, line.role)
        answers.append(
            await subject.ask(scenario, prompt, kept) if kept else await subject.ask(scenario, prompt)
        )
        if answers[-1].exchange.error:
            break
        messages = [*messages, _reply(answers[-1].exchange.text)]
    return answers


def _reply(text: str) -> Message:
    return {"role": "assistant", "content": text}


def _reworded(shown: Message, text: str) -> Message:
    """The same image with another text; encoding it again would only take time."""
    return {**shown, "content": [shown["content"][0], {"type": "text", "text": text}]}
