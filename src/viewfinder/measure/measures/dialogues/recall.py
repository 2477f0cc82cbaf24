"""The answers of dialogues, sorted by the question that they answer."""

from collections.abc import Iterable, Mapping

from viewfinder.measure.measures.dialogues.script import (
    ABOUT_FIRST,
    AFTER_SECOND,
    RETOLD,
    SECOND,
    TURN_OF,
    TURNS,
    dialogue_of,
)
from viewfinder.measure.statistics.pairs import Item
from viewfinder.measure.store.rows import Sample
from viewfinder.scenes.questions import Question, is_right

RESENT, TEXT_ONLY, SINGLE, BLIND = "R", "T", "single", "blind"
"""The arms, see `ask`."""
DIALOGUE_PREFIX = "context/"
"""Begins the scenario of every sample of a dialogue."""
NEVER = TURNS + 1
"""The turn of the first loss in a dialogue without one."""

Rights = Mapping[Item, bool]
"""Whether each answer is right (or swapped, or a premise accepted), by dialogue and role."""


def scenario_of(arm: str, role: str) -> str:
    """The scenario of a sample, by which it is stored and judged: "context/R/d4"."""
    return f"{DIALOGUE_PREFIX}{arm}/{role}"


class Recall:
    """All answers, in any order; requests that `failed` are kept apart and are in no share: an engine's error
    is not a model that forgot."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._answers: dict[tuple[str, str, str], Sample] = {}
        self.failed: list[Sample] = []
        self.dialogues: set[str] = set()
        for one in samples:
            _, arm, role = one.scenario.split("/", 2)
            dialogue = dialogue_of(one.scene)
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

    def around_second(self) -> tuple[Rights, Rights]:
        """The facts that the model sees and that were asked again after a second image: before it, and
        after."""
        after = {
            (dialogue, role.removeprefix(ABOUT_FIRST)): right
            for (dialogue, role), right in self.right(RESENT).items()
            if role.startswith(ABOUT_FIRST)
        }
        kept = self.kept(RESENT)
        before = {item: kept[item] for item in after if item in kept}
        return before, {item: after[item] for item in before}

    def swapped(self) -> Rights:
        """Whether a fact of the first image was answered as it is in the second."""
        return {
            (dialogue, role): is_right(Question(RETOLD, "", second.expected), one.exchange.text)
            for (dialogue, arm, role), one in self._answers.items()
            if role.startswith(ABOUT_FIRST) and (second := self._answers.get((dialogue, arm, SECOND)))
        }

    def accepted(self, premise: str) -> Rights:
        """Whether such a premise was accepted."""
        yes = Question("premise", "", "Yes.")
        return {
            (dialogue, role): is_right(yes, one.exchange.text)
            for (dialogue, arm, role), one in self._answers.items()
            if (arm, role) == (RESENT, premise)
        }

    def first_losses(self) -> list[int]:
        """The turn in which each dialogue first gets a fact wrong that the model sees, or `NEVER`.

        Dialogues that a failed request cut short before that are left out.
        """
        seen, lost = self.right(SINGLE), dict[str, list[int]]()
        for (dialogue, role), right in self.right(RESENT).items():
            turn = AFTER_SECOND if role.startswith(ABOUT_FIRST) else TURN_OF.get(role)
            if turn and seen.get((dialogue, role.removeprefix(ABOUT_FIRST))):
                lost.setdefault(dialogue, []).extend([] if right else [turn])
        cut = {
            dialogue_of(one.scene) for one in self.failed if one.scenario.startswith(scenario_of(RESENT, ""))
        }
        return [min(turns, default=NEVER) for name, turns in lost.items() if turns or name not in cut]
