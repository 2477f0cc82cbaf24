"""What a smaller image costs and saves; as it is stored."""

from typing import Literal

from viewfinder.measure.figures import Frozen, Measured, Missing

BudgetVerdict = Literal["reference", "not inferior", "inferior", "not shown", "not measured"]


class Budget(Frozen):
    """The same questions with their images at one budget: `256 px`, `64 tokens`.

    `image_tokens` are the prompt's with the image less those without it. `difference` is the accuracy minus
    that of the reference, the largest budget, in points; None for the reference itself. Where the verdict is
    `not shown`, about `more` questions more would likely tell (None: no number would).
    """

    budget: str
    asked: int
    failed: int
    image_tokens: Measured
    ttft: Measured
    e2e: Measured
    accuracy: Measured
    verdict: BudgetVerdict
    difference: Measured | None = None
    more: int | None = None


class Resolution(Frozen):
    """The budgets, smallest first, and the smallest whose accuracy is surely less than two points below that
    of the largest; every budget between the two is so, too."""

    budgets: tuple[Budget, ...]
    cheapest: str | Missing
