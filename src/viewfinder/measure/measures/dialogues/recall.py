"""The answers of dialogues, sorted by the question that they answer, and the shares of facts kept; pure.

Every interval is over dialogues, because all questions about one image depend on each other.
"""

from collections.abc import Iterable

from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.dialogues import script
from viewfinder.measure.metrics import percent
from viewfinder.measure.statistics import clusters, pairs
from viewfinder.measure.statistics.intervals import Interval
from viewfinder.measure.statistics.pairs import GradedAnswers, Item
from viewfinder.measure.store.rows import Sample
from viewfinder.scenes.questions import Question, is_right

RESENT, SERVER_KEPT, TEXT_ONLY, SINGLE, BLIND = "R", "S", "T", "single", "blind"
"""The arms, see `ask`."""
DIALOGUE_PREFIX = "context/"
"""Begins the scenario of every sample of a dialogue."""
NEVER = script.TURNS + 1
"""The turn of the first loss in a dialogue without one."""
KEPT = "facts right in the dialogue, of those right when asked alone with their image"


def scenario_of(arm: str, role: str) -> str:
    """The scenario of a sample, by which it is stored and judged: "context/R/d4"."""
    return f"{DIALOGUE_PREFIX}{arm}/{role}"


class Recall:
    """All answers, in any order; requests that `failed` are kept apart and are in no share: an engine's error
    is not a model that forgot. Answers are returned by dialogue and role."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._answers: dict[tuple[str, str, str], Sample] = {}
        self.failed: list[Sample] = []
        self.dialogues: set[str] = set()
        for one in samples:
            _, arm, role = one.scenario.split("/", 2)
            dialogue = script.dialogue_of(one.scene)
            self.dialogues.add(dialogue)
            if one.exchange.error:
                self.failed.append(one)
            else:
                self._answers[dialogue, arm, role] = one

    def right(self, arm: str, *roles: str) -> dict[Item, bool]:
        """Whether each answer of one arm is right: of these roles, or of all."""
        return {
            (dialogue, role): bool(one.right)
            for (dialogue, of, role), one in self._answers.items()
            if of == arm and (role in roles or not roles)
        }

    def kept(self, arm: str, *roles: str) -> dict[Item, bool]:
        """As `right`, but only of the facts that the model sees: right when asked alone with their image."""
        seen = self.right(SINGLE)
        return {item: right for item, right in self.right(arm, *roles).items() if seen.get(item)}

    def around_second(self) -> tuple[GradedAnswers, GradedAnswers]:
        """The facts that the model sees and that were asked again after a second image: before it, and
        after."""
        after = {
            (dialogue, role.removeprefix(script.ABOUT_FIRST)): right
            for (dialogue, role), right in self.right(RESENT).items()
            if role.startswith(script.ABOUT_FIRST)
        }
        kept = self.kept(RESENT)
        before = {item: kept[item] for item in after if item in kept}
        return before, {item: after[item] for item in before}

    def swapped(self) -> GradedAnswers:
        """Whether a fact of the first image was answered as it is in the second."""
        return {
            (dialogue, role): is_right(Question(script.RETOLD, "", second.expected), one.exchange.text)
            for (dialogue, arm, role), one in self._answers.items()
            if role.startswith(script.ABOUT_FIRST)
            and (second := self._answers.get((dialogue, arm, script.SECOND)))
        }

    def accepted(self, premise: str) -> GradedAnswers:
        """Whether such a premise was accepted."""
        yes = Question("premise", "", "Yes.")
        return {
            (dialogue, role): is_right(yes, one.exchange.text)
            for (dialogue, arm, role), one in self._answers.items()
            if (arm, role) == (RESENT, premise)
        }

    def same_as_resent(self) -> GradedAnswers:
        """Whether each answer of a conversation that the server keeps is that to the whole history."""
        return {
            (dialogue, role): one.exchange.text == resent.exchange.text
            for (dialogue, arm, role), one in self._answers.items()
            if arm == SERVER_KEPT and (resent := self._answers.get((dialogue, RESENT, role)))
        }

    def first_losses(self) -> list[int]:
        """The turn in which each dialogue first gets a fact wrong that the model sees, or `NEVER`.

        Dialogues that a failed request cut short before that are left out.
        """
        seen, lost = self.right(SINGLE), dict[str, list[int]]()
        for (dialogue, role), right in self.right(RESENT).items():
            turn = script.AFTER_SECOND if role.startswith(script.ABOUT_FIRST) else script.TURN_OF.get(role)
            if turn and seen.get((dialogue, role.removeprefix(script.ABOUT_FIRST))):
                lost.setdefault(dialogue, []).extend([] if right else [turn])
        cut = {
            script.dialogue_of(one.scene)
            for one in self.failed
            if one.scenario.startswith(scenario_of(RESENT, ""))
        }
        return [min(turns, default=NEVER) for name, turns in lost.items() if turns or name not in cut]


def headline(recall: Recall) -> Measured:
    """The share of facts kept with the image re-sent, over all distances."""
    return share(recall.kept(RESENT, *script.TURN_OF), KEPT)


def is_settled(headline: Measured, within: float) -> bool:
    """Whether the headline is known to +- `within` points (0: it is never known well enough)."""
    return isinstance(headline, Figure) and half_width(headline) <= within


def share(rights: GradedAnswers, what: str) -> Measured:
    """The share of those that are true, in percent."""
    if not rights:
        return Missing(missing=f"there is no answer to count: {what}")
    interval = clusters.share_by_scene((dialogue, right) for (dialogue, _), right in rights.items())
    return _figure(interval, rights, "%", what)


def difference(one: GradedAnswers, other: GradedAnswers, what: str) -> Measured:
    """The difference of the shares of the answers that both have, in points."""
    both = {item: one[item] for item in one if item in other}
    if not both:
        return Missing(missing=f"there are no answers to pair: {what}")
    contrast = pairs.compare(both, other)
    return _figure((contrast.value, contrast.low, contrast.high), both, "points", f"{what}; paired")


def _figure(interval: Interval, of: GradedAnswers, unit: str, what: str) -> Figure:
    dialogues = len({dialogue for dialogue, _ in of})
    how = f"{what}; {len(of)} answers in {dialogues} dialogues, interval over dialogues"
    return percent(interval, len(of), how, unit)


def half_width(figure: Figure) -> float:
    return (figure.high - figure.low) / 2
