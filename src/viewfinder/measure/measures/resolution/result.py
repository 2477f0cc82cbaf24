"""The cost and the savings of a smaller image, as they are stored."""

from typing import Literal

from viewfinder.measure.figures import Frozen, Measured, Missing

Lever = Literal["pixels", "image_tokens"]
BudgetVerdict = Literal["reference", "not inferior", "inferior", "not shown", "not measured"]


class Budget(Frozen):
    """The same questions with their images at one budget: `256 px`, `64 tokens`.

    `image_tokens` are the prompt's tokens with the image minus those without it. `difference` is the accuracy
    minus that of the reference, the largest budget, in points; None for the reference itself. If the verdict
    is `not shown`, about `more` additional questions would likely decide (None: no number would).
    The ranges are those of nine of ten single requests; None in results of older versions.
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
    ttft_range: Measured | None = None
    e2e_range: Measured | None = None


class Resolution(Frozen):
    """The budgets, smallest first; `cheapest` is the smallest whose accuracy is surely less than two points
    below that of the largest, as is that of every budget between the two."""

    budgets: tuple[Budget, ...]
    cheapest: str | Missing
    text_ttft: Measured | None = None
    """Of the same questions without their images, as a range."""
    lever: Lever = "pixels"
