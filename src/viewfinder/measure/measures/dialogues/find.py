"""From the answers of dialogues to the facts that a model keeps; pure."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.base import Facts
from viewfinder.measure.measures.dialogues.counts import DialogueCounts
from viewfinder.measure.measures.dialogues.recall import (
    BLIND,
    DIALOGUE_PREFIX,
    KEPT,
    NEVER,
    RESENT,
    SERVER_KEPT,
    SINGLE,
    TEXT_ONLY,
    Recall,
    difference,
    half_width,
    headline,
    is_settled,
    share,
)
from viewfinder.measure.measures.dialogues.result import NOT_KEPT, Dialogues
from viewfinder.measure.measures.dialogues.script import DISTANCES, FALSE, SECOND, TRUE, TURN_OF, TURNS, at
from viewfinder.measure.metrics import figure
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.statistics import bootstrap
from viewfinder.measure.statistics.intervals import TooFew, wilson
from viewfinder.measure.statistics.pairs import GradedAnswers

LATE_TURN = 7.0
"""A model that surely loses its first fact before this turn of ten forgets early."""
FACTS_KEPT = "facts kept in dialogues"
_NO_TEXT = Missing(missing="this variant answers only about images")
_NO_SECOND = Missing(missing="this variant takes one image")


def facts_kept(logs: Sequence[ProcessLog]) -> GradedAnswers:
    """Facts right in a dialogue, of those that this model got right alone."""
    every = (sample for log in logs for sample in log.samples)
    return Recall(one for one in every if one.scenario.startswith(DIALOGUE_PREFIX)).kept(RESENT, *TURN_OF)


def facts(found: Dialogues | Missing) -> Facts:
    if isinstance(found, Missing):
        return Facts(figures={FACTS_KEPT: found})
    return Facts(figures={FACTS_KEPT: found.retention}, limits=tuple(_forgets(found.first_loss)))


def _forgets(loss: Measured) -> Iterator[str]:
    """If the first fact is surely lost early."""
    if isinstance(loss, Figure) and loss.high < LATE_TURN:
        within = f"{loss.low:.1f} to {loss.high:.1f}"
        yield f"in dialogues the first fact is lost in turn {loss.value:.1f} ({within})"


def dialogues(logs: Sequence[ProcessLog], counts: DialogueCounts, variant: Variant) -> Dialogues:
    """A variant that takes no text, or one image only, did not get all questions."""
    recall = Recall(one for log in logs for one in log.samples)
    no_text = None if variant.text else _NO_TEXT
    no_second = _NO_SECOND if variant.images == 1 else None
    kept, right = recall.kept(RESENT, *TURN_OF), recall.right(RESENT, *TURN_OF)
    remembered, guessed = recall.kept(TEXT_ONLY, *TURN_OF), recall.right(BLIND, *TURN_OF)
    before, after = recall.around_second()
    by_server, same = recall.kept(SERVER_KEPT, *TURN_OF), recall.same_as_resent()
    main = headline(recall)
    return Dialogues(
        dialogues=len(recall.dialogues),
        retention=main,
        by_distance={
            distance: share(recall.kept(RESENT, at(distance)), f"{KEPT}, {distance} turns before")
            for distance in DISTANCES
        },
        eyesight=share(recall.right(SINGLE, *TURN_OF), "facts right when asked alone with the image"),
        blind=no_text or share(guessed, "facts right when asked alone without the image"),
        blind_corrected_gain=no_text
        or difference(right, guessed, "facts right in the dialogue minus those right without any image"),
        text_memory=no_text or share(remembered, f"{KEPT}; the image was removed after its turn"),
        text_gap=no_text
        or difference(kept, remembered, "facts kept with the image re-sent minus those kept without it"),
        interference=no_second
        or difference(before, after, "facts kept before a second image minus the same ones after it"),
        swaps=no_second
        or share(recall.swapped(), "facts of the first image answered as they are in the second"),
        second_image=no_second or share(recall.kept(RESENT, SECOND), f"{KEPT}, the second one"),
        server_kept=share(by_server, f"{KEPT}; the server keeps the history") if by_server else NOT_KEPT,
        same_answers=share(same, "answers that are those to the whole history") if same else NOT_KEPT,
        false_premises_accepted=share(recall.accepted(FALSE), "false premises that were accepted"),
        true_premises_accepted=share(recall.accepted(TRUE), "true premises that were accepted"),
        first_loss=_first_loss(recall.first_losses()),
        failed=len(recall.failed),
        failure=recall.failed[0].exchange.error if recall.failed else "",
        ended="; ".join(log.broke_off for log in logs if log.broke_off)
        or _ended(len(recall.dialogues), main, counts),
    )


def _first_loss(turns: Sequence[int]) -> Measured:
    """The mean over dialogues of the turn in which the first fact is lost."""
    if not turns:
        return Missing(missing="no dialogue with a fact that the model sees was finished")
    n, lost = len(turns), sum(turn < NEVER for turn in turns)
    how = f"mean of {n} dialogues of {TURNS} turns, {NEVER} for one in which no fact is lost; {lost} lost one"
    if not lost:
        # Wilson's bound on the share that may still lose one, in the turn of the first fact at the earliest.
        least = NEVER - wilson(0, n)[1] * (NEVER - min(TURN_OF.values()))
        return figure((NEVER, least, NEVER), n, "turns", how)
    try:
        return figure(bootstrap.inside(turns, np.mean), n, "turns", how)
    except TooFew:
        how += f"; the range, for an interval needs {bootstrap.MIN_FOR_BOOTSTRAP} dialogues"
        value, low, high = float(np.mean(turns)), min(turns), max(turns)
        return Figure(value=value, low=low, high=high, n=n, unit="turns", how=how, is_range=True)


def _ended(dialogues: int, headline: Measured, counts: DialogueCounts) -> str:
    """Why there were no more dialogues, and how many the headline needs to be known well."""
    within = counts.half_width
    if is_settled(headline, within):
        return f"the headline is known within {within:g} points"
    why = "the suite has no more" if dialogues >= counts.dialogues else "the time was over"
    if isinstance(headline, Figure) and within:
        # An interval shrinks with the root of the number; near 100 % faster.
        needed = math.ceil(dialogues * (half_width(headline) / within) ** 2)
        why += f"; to know the headline within {within:g} points takes up to {needed} dialogues"
    return why
