"""What the guide says of a model whose engine changed after it was measured."""

from dataclasses import replace
from typing import Any

import pytest

from viewfinder.catalog.published import published
from viewfinder.fleet.health.upgrade_notes import UpgradeReport
from viewfinder.report.document import make_guide
from viewfinder.report.formats import write

MEASURED_AT_S = 1_795_341_600.0
"""2026-11-22T10:00:00Z."""


@pytest.fixture
def result(make: Any) -> Any:
    return make.result(measured_at="2026-11-22T10:00:00Z")


def report(result: Any, **changed: Any) -> UpgradeReport:
    slower = UpgradeReport(
        result.model,
        result.variant,
        "slower",
        "slower by 30 % (21 to 40 %)",
        "xllamacpp 1 > 2",
        "pip install 'xllamacpp==1'",
        MEASURED_AT_S + 60,
    )
    return replace(slower, **changed)


def changes(result: Any, *reports: UpgradeReport) -> list[tuple[str, str]]:
    guide = make_guide([result], published(), upgrades=reports)
    own = "not compared: no earlier run"  # of the result itself
    return [(one.text, one.command) for one in guide.changes if not one.text.startswith(own)]


def test_a_slower_engine_is_said_with_the_command_that_goes_back(result: Any) -> None:
    (line,) = changes(result, report(result))
    said = "slower by 30 % (21 to 40 %) since xllamacpp 1 > 2; to go back:"
    assert line == (said, "pip install 'xllamacpp==1'")
    page = write(make_guide([result], published(), upgrades=[report(result)]), "md")
    assert "slower by 30 % (21 to 40 %)" in page
    assert "`pip install 'xllamacpp==1'`" in page


def test_where_no_command_goes_back_the_sentence_says_how(result: Any) -> None:
    (line,) = changes(result, report(result, back="the former file is still /data/old.gguf"))
    assert line[0].endswith("; to go back: the former file is still /data/old.gguf")
    assert line[1] == ""


def test_as_before_is_said_too(result: Any) -> None:
    fine = report(result, verdict="as before", says="as before (the same 8 answers)")
    assert changes(result, fine) == [("as before (the same 8 answers) since xllamacpp 1 > 2", "")]


def test_a_result_of_the_new_engine_itself_says_more(result: Any) -> None:
    assert changes(result, report(result, at_s=MEASURED_AT_S - 60)) == []
    assert changes(result, report(result, model="another")) == []
