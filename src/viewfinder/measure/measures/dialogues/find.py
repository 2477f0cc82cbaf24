"""What dialogues say about a model's memory of images; pure, called by `scenarios/context`.

Every interval is over dialogues, for all that is asked about one image hangs together.
"""

import math
from collections.abc import Sequence

import numpy as np

from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.dialogues.recall import BLIND, NEVER, RESENT, SINGLE, TEXT, Recall, Rights
from viewfinder.measure.measures.dialogues.result import ContextResult
from viewfinder.measure.measures.dialogues.script import DISTANCES, FALSE, SECOND, TRUE, TURN_OF, TURNS, at
from viewfinder.measure.statistics import bootstrap, clusters, pairs
from viewfinder.measure.statistics.intervals import Interval, TooFew, wilson
from viewfinder.measure.suite import Suite

_KEPT = "facts right in the dialogue, of those right when asked alone with their image"


def headline(recall: Recall) -> Measured:
    """The share of facts kept with the image re-sent, over all distances."""
    return _share(recall.kept(RESENT, *TURN_OF), _KEPT)


def is_settled(headline: Measured, half_width: float) -> bool:
    """Whether it is known within +- `half_width` points (0: it is never known well enough)."""
    return isinstance(headline, Figure) and _half_width(headline) <= half_width


def judge(
    recall: Recall,
    suite: Suite,
    *,
    no_text: Missing | None = None,
    no_second: Missing | None = None,
    broke_off: str = "",
) -> ContextResult:
    """What the dialogues come to; `no_text` and `no_second` say why the variant was asked nothing without an
    image, and shown no second one."""
    kept, right = recall.kept(RESENT, *TURN_OF), recall.right(RESENT, *TURN_OF)
    told, guessed = recall.kept(TEXT, *TURN_OF), recall.right(BLIND, *TURN_OF)
    before, after = recall.around_second()
    main = headline(recall)
    return ContextResult(
        dialogues=len(recall.dialogues),
        retention=main,
        by_distance={
            distance: _share(recall.kept(RESENT, at(distance)), f"{_KEPT}, {distance} turns before")
            for distance in DISTANCES
        },
        eyesight=_share(recall.right(SINGLE, *TURN_OF), "facts right when asked alone with the image"),
        blind=no_text or _share(guessed, "facts right when asked alone without the image"),
        blind_corrected_gain=no_text
        or _difference(right, guessed, "facts right in the dialogue minus those right without any image"),
        text_memory=no_text or _share(told, f"{_KEPT}; the image was taken out after its turn"),
        text_gap=no_text
        or _difference(kept, told, "facts kept with the image re-sent minus those kept without it"),
        interference=no_second
        or _difference(before, after, "facts kept before a second image minus the same ones after it"),
        swaps=no_second
        or _share(recall.swapped(), "facts of the first image told as they are in the second"),
        second_image=no_second or _share(recall.kept(RESENT, SECOND), f"{_KEPT}, the second one"),
        false_premises_accepted=_share(recall.accepted(FALSE), "false premises that were said yes to"),
        true_premises_accepted=_share(recall.accepted(TRUE), "true premises that were said yes to"),
        first_loss=_first_loss(recall.first_losses()),
        failed=len(recall.failed),
        failure=recall.failed[0].exchange.error if recall.failed else "",
        ended=broke_off or _ended(len(recall.dialogues), main, suite),
    )


def _share(rights: Rights, what: str) -> Measured:
    """The share that is so, in percent."""
    if not rights:
        return Missing(missing=f"there is no answer to count: {what}")
    so: dict[str, int] = {}
    asked: dict[str, int] = {}
    for (dialogue, _), is_so in rights.items():
        so[dialogue] = so.get(dialogue, 0) + is_so
        asked[dialogue] = asked.get(dialogue, 0) + 1
    return _figure(clusters.share(list(so.values()), list(asked.values())), rights, "%", what)


def _difference(one: Rights, other: Rights, what: str) -> Measured:
    """The difference of the shares of the answers that both have, in points."""
    both = {item: one[item] for item in one if item in other}
    if not both:
        return Missing(missing=f"there are no answers to pair: {what}")
    contrast = pairs.compare(both, other)
    return _figure((contrast.value, contrast.low, contrast.high), both, "points", f"{what}; paired")


def _figure(interval: Interval, of: Rights, unit: str, what: str) -> Figure:
    value, low, high = (100 * number for number in interval)
    dialogues = len({dialogue for dialogue, _ in of})
    how = f"{what}; {len(of)} answers in {dialogues} dialogues, interval over dialogues"
    return Figure(value=value, low=low, high=high, n=len(of), unit=unit, how=how)


def _first_loss(turns: Sequence[int]) -> Measured:
    """The mean over dialogues of the turn in which the first fact is lost."""
    if not turns:
        return Missing(missing="no dialogue with a fact that is seen came to its end")
    n, lost = len(turns), sum(turn < NEVER for turn in turns)
    how = f"mean of {n} dialogues of {TURNS} turns, {NEVER} for one in which no fact is lost; {lost} lost one"
    if not lost:
        # So many might still lose one by Wilson's bound, and at the earliest where the first is asked for.
        least = NEVER - wilson(0, n)[1] * (NEVER - min(TURN_OF.values()))
        return Figure(value=NEVER, low=least, high=NEVER, n=n, unit="turns", how=how)
    try:
        value, low, high = bootstrap.inside(turns, np.mean)
    except TooFew:
        how += f"; the range, for an interval needs {bootstrap.MIN_VALUES} dialogues"
        value, low, high = float(np.mean(turns)), min(turns), max(turns)
        return Figure(value=value, low=low, high=high, n=n, unit="turns", how=how, is_range=True)
    return Figure(value=value, low=low, high=high, n=n, unit="turns", how=how)


def _ended(dialogues: int, headline: Measured, suite: Suite) -> str:
    """Why no more was asked, and what it would take to know the headline well."""
    within = suite.context_half_width
    if is_settled(headline, within):
        return f"the headline is known within {within:g} points"
    why = "the suite holds no more" if dialogues >= suite.context else "the time was over"
    if isinstance(headline, Figure) and within:
        # By the root of the number; near 100 % an interval shrinks faster.
        needed = math.ceil(dialogues * (_half_width(headline) / within) ** 2)
        why += f"; to know the headline within {within:g} points takes up to {needed} dialogues"
    return why


def _half_width(figure: Figure) -> float:
    return (figure.high - figure.low) / 2
