"""What was found of models whose engine or files changed after they were measured; called by `document`."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from viewfinder.fleet.health.upgrade_notes import UpgradeReport
from viewfinder.measure.results import ModelResult
from viewfinder.report.content import Remark
from viewfinder.report.facts import label


def upgraded(results: Sequence[ModelResult], reports: Sequence[UpgradeReport]) -> Iterator[Remark]:
    """A line for each result that is older than the report of its variant: it is of the former engine."""
    known = {(report.model, report.variant): report for report in reports}
    for result in results:
        report = known.get((result.model, result.variant))
        if report is None or datetime.fromisoformat(result.measured_at).timestamp() >= report.at_s:
            continue
        if report.verdict == "as before":
            yield Remark(about=label(result), text=report.sentence)
        elif report.is_back_a_command:
            text = f"{report.says} since {report.since}; to go back:"
            yield Remark(about=label(result), text=text, command=report.back)
        else:
            yield Remark(about=label(result), text=report.sentence)
