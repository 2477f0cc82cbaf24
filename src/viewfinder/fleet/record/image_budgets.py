"""The image budgets that `bench` compared, one file a variant; read by the fleet and the gateway."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from viewfinder.fleet.record.measured_file import FilesHere, MeasuredSpan, StoredHere, StoredPart

BUDGET_FOLDER = "image_budgets"


class StoredBudget(StoredPart):
    """`256 px`: pictures of at most that edge are sent; `64 tokens`: the engine makes at most that many;
    `all tokens`: its default. None: not measured."""

    name: str
    accuracy_percent: float | None = None
    image_tokens: MeasuredSpan | None = None
    first_s: MeasuredSpan | None = None
    whole_s: MeasuredSpan | None = None

    @property
    def longest_px(self) -> int | None:
        number, _, unit = self.name.partition(" ")
        return int(number) if unit == "px" and number.isdecimal() else None

    @property
    def engine_tokens(self) -> int:
        """The setting `image_tokens` of its engine; 0: the default."""
        number, _, unit = self.name.partition(" ")
        return int(number) if unit == "tokens" and number.isdecimal() else 0


class StoredBudgets(StoredHere):
    """`budgets` are the smallest first, the last is the reference. `cheapest` is the name of the smallest
    that is not inferior to it, empty if that is not known; `evidence` a clause on why."""

    lever: Literal["pixels", "image_tokens"]
    budgets: tuple[StoredBudget, ...] = Field(min_length=1)
    cheapest: str = ""
    evidence: str = ""
    text_first_s: MeasuredSpan | None = None
    """Of the same questions without their image."""

    @property
    def chosen(self) -> StoredBudget | None:
        """The cheapest; None where nothing smaller than the reference is surely as good."""
        return None if self.cheapest in ("", self.reference.name) else self.named(self.cheapest)

    @property
    def reference(self) -> StoredBudget:
        return self.budgets[-1]

    def named(self, name: str) -> StoredBudget | None:
        return next((one for one in self.budgets if one.name == name), None)

    def up_to(self, name: str) -> Sequence[StoredBudget]:
        """Those from the smallest to the one of this name."""
        names = [one.name for one in self.budgets]
        return self.budgets[: names.index(name) + 1] if name in names else self.budgets


def budget_path(model: str, variant: str) -> str:
    """Where the file is, in the state folder; both names are such that may stand in a file's."""
    return f"{BUDGET_FOLDER}/{model}/{variant}.json"


class BudgetsHere(FilesHere[StoredBudgets]):
    """The image budgets of one state folder."""

    def __init__(self, state: Path) -> None:
        super().__init__(state, StoredBudgets, budget_path, "its image budgets")
