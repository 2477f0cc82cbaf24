"""What smaller images save and cost, in the guide's words; called by `tables`."""

from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.resolution.result import Budget, Resolution
from viewfinder.measure.results import ModelResult
from viewfinder.report.figures import Cell, in_unit
from viewfinder.report.markdown import table, text


def rows(result: ModelResult, cell: Cell) -> list[tuple[str, str]]:
    """The headline, as a row of the recipe."""
    found = result.resolution
    if found is None:
        return []
    if isinstance(found, Resolution):
        cheapest = found.cheapest
        shown = cell(cheapest) if isinstance(cheapest, Missing) else text(_cheapest(cheapest, found))
    else:
        shown = cell(found)
    return [("Smallest image that does as well", shown)]


def budgets(found: Resolution, cell: Cell, timed: Cell) -> str:
    """A line for each budget, the smallest first; `timed` prints what a disturbed run spoils."""
    header = (
        "Image",
        "Image tokens",
        "First token (ms)",
        "Whole request (ms)",
        "Accuracy (%)",
        "Against the largest (points)",
        "Verdict",
        "Failed",
    )
    return table(
        header,
        (
            (
                text(budget.budget),
                cell(budget.image_tokens),
                timed(in_unit(budget.ttft, "ms")),
                timed(in_unit(budget.e2e, "ms")),
                cell(budget.accuracy),
                cell(budget.difference) if budget.difference else "",
                _verdict(budget),
                f"{budget.failed} of {budget.asked}",
            )
            for budget in found.budgets
        ),
    )


def _cheapest(cheapest: str, found: Resolution) -> str:
    if cheapest == found.budgets[0].budget:
        return f"{cheapest}, the smallest that was tried"
    return cheapest


def _verdict(budget: Budget) -> str:
    if budget.verdict == "not shown" and budget.more is not None:
        return f"not shown: needs about {budget.more:,} more questions"
    return budget.verdict
