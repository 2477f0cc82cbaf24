"""How the image budgets read in the guide: a row of a model's table, and a table of all budgets."""

from viewfinder.measure.figures import Missing, in_unit
from viewfinder.measure.measures.base import Row, Table, Timing
from viewfinder.measure.measures.resolution.result import Budget, Resolution

METHOD = (
    "**Image budgets**: the same questions about the same pictures at every budget, so that answers are "
    "compared in pairs. From the largest down, each budget is tested at 5 %, until one fails.",
)


def rows(found: Resolution | Missing) -> list[Row]:
    title = "Smallest image that does as well"
    if isinstance(found, Missing):
        return [(title, found)]
    if isinstance(found.cheapest, Missing):
        return [(title, found.cheapest)]
    is_smallest = found.cheapest == found.budgets[0].budget
    return [(title, f"{found.cheapest}{', the smallest that was tried' if is_smallest else ''}")]


def section(found: Resolution) -> list[Table]:
    intro = (
        "The same questions at several image budgets; the largest is the reference. Not inferior: surely "
        "less than two points of accuracy are lost:"
    )
    lines = [
        {
            "Image": budget.budget,
            "Image tokens": budget.image_tokens,
            "First token (ms)": Timing(in_unit(budget.ttft, "ms")),
            "Whole request (ms)": Timing(in_unit(budget.e2e, "ms")),
            "Accuracy (%)": budget.accuracy,
            "Against the largest (points)": budget.difference if budget.difference else "",
            "Verdict": _verdict(budget),
            "Failed": f"{budget.failed} of {budget.asked}",
        }
        for budget in found.budgets
    ]
    return [Table(intro, lines)]


def _verdict(budget: Budget) -> str:
    if budget.verdict == "not shown" and budget.more is not None:
        return f"not shown: needs about {budget.more:,} more questions"
    return budget.verdict
