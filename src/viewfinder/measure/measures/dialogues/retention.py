"""Shares and differences of the facts that dialogues keep; pure.

Every interval is over dialogues, because all questions about one image depend on each other.
"""

from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.dialogues.recall import RESENT, Recall, Rights
from viewfinder.measure.measures.dialogues.script import TURN_OF
from viewfinder.measure.metrics import percent
from viewfinder.measure.statistics import clusters, pairs
from viewfinder.measure.statistics.intervals import Interval

KEPT = "facts right in the dialogue, of those right when asked alone with their image"


def headline(recall: Recall) -> Measured:
    """The share of facts kept with the image re-sent, over all distances."""
    return share(recall.kept(RESENT, *TURN_OF), KEPT)


def is_settled(headline: Measured, within: float) -> bool:
    """Whether the headline is known to +- `within` points (0: it is never known well enough)."""
    return isinstance(headline, Figure) and half_width(headline) <= within


def share(rights: Rights, what: str) -> Measured:
    """The share of those that are true, in percent."""
    if not rights:
        return Missing(missing=f"there is no answer to count: {what}")
    by_dialogue: dict[str, list[bool]] = {}
    for (dialogue, _), is_right in rights.items():
        by_dialogue.setdefault(dialogue, []).append(is_right)
    each = by_dialogue.values()
    return _figure(clusters.share([sum(one) for one in each], [len(one) for one in each]), rights, "%", what)


def difference(one: Rights, other: Rights, what: str) -> Measured:
    """The difference of the shares of the answers that both have, in points."""
    both = {item: one[item] for item in one if item in other}
    if not both:
        return Missing(missing=f"there are no answers to pair: {what}")
    contrast = pairs.compare(both, other)
    return _figure((contrast.value, contrast.low, contrast.high), both, "points", f"{what}; paired")


def _figure(interval: Interval, of: Rights, unit: str, what: str) -> Figure:
    dialogues = len({dialogue for dialogue, _ in of})
    how = f"{what}; {len(of)} answers in {dialogues} dialogues, interval over dialogues"
    return percent(interval, len(of), how, unit)


def half_width(figure: Figure) -> float:
    return (figure.high - figure.low) / 2
