"""What a model still knows of an image some turns later; one of the `stages`.

Chat Completions keeps nothing between requests, so what "without re-sending the image" means is a choice,
and each choice is an arm of its own, never mixed with another:

R       the whole history is sent again with every turn, the image in its first: the standard contract
T       the image is taken out of the history after its turn: only the model's own words remain
single  each fact alone with its image: what the model sees at all
blind   each fact alone without it: what it guesses

An arm S, in which the server keeps the history and only the new turn is sent, belongs beside R and T as soon
as the gateway has such sessions; its prompts would have to be those of R to the byte.
"""

from collections.abc import Sequence
from dataclasses import replace

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Heard, Series
from viewfinder.measure.measures.dialogues.find import headline, is_settled, judge
from viewfinder.measure.measures.dialogues.recall import BLIND, RESENT, SINGLE, TEXT, Recall, cell
from viewfinder.measure.measures.dialogues.result import ContextResult
from viewfinder.measure.measures.dialogues.script import DISTANCES, TALK, TURNS, Dialogue, Line, dialogues
from viewfinder.measure.prompts import DESCRIBE, Prompt, graded, text_message
from viewfinder.measure.store.rows import Asked
from viewfinder.measure.subject import Subject
from viewfinder.measure.suite import Suite
from viewfinder.scenes.messages import Message, image_message

AT_LEAST = 1
"""Dialogues that even the slowest model holds: almost thirty requests."""
LOOK_EVERY = 22
"""Dialogues between two looks at whether the headline is sure enough: 7 looks at most in `standard`. An
interval that is looked at after every answer stops at a lucky moment, and is too narrow."""
REQUESTS = TURNS + DISTANCES[-1] + 2 * len(DISTANCES)
"""Of one dialogue in all arms, at most."""
_ONE_IMAGE, _NO_TEXT = "one image only", "no text without an image"
"""What is noted of the variant, beside its exchanges."""


class Context:
    """Dialogues of ten turns on one server process, each in all arms before the next begins."""

    name = "context"
    goes_on = True
    counts_answers = True
    is_timed = False

    def processes(self, suite: Suite) -> int:
        return 1 if suite.context else 0

    def steps(self, suite: Suite, part: int) -> int:
        return suite.context * REQUESTS

    def needs(self, variant: Variant) -> Missing | None:
        return None if variant.vision else Missing(missing="this variant takes no images")

    async def asks(self, subject: Subject, suite: Suite, part: int) -> Series:
        variant, asked = subject.server.variant, list[Asked]()
        script = dialogues(two_images=variant.images != 1)
        within = replace(suite, budget_s=suite.context_s)
        for number, dialogue in enumerate(within.paced(script, suite.context, AT_LEAST, subject.clock)):
            if number % LOOK_EVERY == 0 and is_settled(headline(Recall(asked)), suite.context_half_width):
                break
            asked += await _hold(subject, dialogue, reads=variant.text)
        return {_ONE_IMAGE: [variant.images == 1], _NO_TEXT: [not variant.text]}

    def finds(self, heard: Sequence[Heard], suite: Suite) -> ContextResult:
        noted = {name for one in heard for name, values in one.series.items() if any(values)}
        return judge(
            Recall(asked for one in heard for asked in one.asked),
            suite,
            no_text=Missing(missing="this variant answers only about images") if _NO_TEXT in noted else None,
            no_second=Missing(missing="this variant takes one image") if _ONE_IMAGE in noted else None,
            broke_off="; ".join(one.broke_off for one in heard if one.broke_off),
        )


async def _hold(subject: Subject, dialogue: Dialogue, *, reads: bool) -> list[Asked]:
    """One dialogue in all arms; those without an image only where the variant `reads`."""
    first = dialogue.lines[0]
    shown = {line.scene.seed: image_message(line.scene, DESCRIBE) for line in dialogue.lines if line.shows}
    turns = [shown[line.scene.seed] if line.shows else text_message(line.text) for line in dialogue.lines]
    asked = await _converse(subject, RESENT, dialogue.lines, turns)
    opening = asked[0].exchange
    if reads and not opening.error:  # the first turn is the same in both arms
        said = [text_message(first.text), _reply(opening.text)]
        lines = dialogue.about_first[1:]
        asked += await _converse(subject, TEXT, lines, turns[1 : len(lines) + 1], said)
    for line, fact in dialogue.facts:
        alone = [_reworded(shown[line.scene.seed], fact.text)]
        asked.append(await subject.ask(cell(SINGLE, line.role), graded(alone, fact, line.scene)))
    for line, fact in dialogue.facts:
        if reads and line.scene is first.scene:
            blind = [text_message(fact.text)]
            asked.append(await subject.ask(cell(BLIND, line.role), graded(blind, fact, line.scene)))
    return asked


async def _converse(
    subject: Subject, arm: str, lines: Sequence[Line], turns: Sequence[Message], said: Sequence[Message] = ()
) -> list[Asked]:
    """The lines' turns one after the other, the model's own answers between them, after what was `said`.

    A turn that fails ends it: an error is nothing to go on with. An empty answer is one.
    """
    messages, answers = list(said), list[Asked]()
    for line, turn in zip(lines, turns, strict=True):
        messages = [*messages, turn]
        answers.append(await subject.ask(cell(arm, line.role), _prompt(messages, line)))
        if answers[-1].exchange.error:
            break
        messages = [*messages, _reply(answers[-1].exchange.text)]
    return answers


def _prompt(messages: list[Message], line: Line) -> Prompt:
    if line.role == TALK:
        return Prompt(messages, line.text, line.scene.seed)
    return graded(messages, line.question, line.scene)


def _reply(text: str) -> Message:
    return {"role": "assistant", "content": text}


def _reworded(shown: Message, text: str) -> Message:
    """The same image with other words; to encode it again would only take time."""
    return {**shown, "content": [shown["content"][0], {"type": "text", "text": text}]}
