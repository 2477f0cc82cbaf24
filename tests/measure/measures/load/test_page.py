"""Load times in the guide: each a figure or the reason why there is none."""

from tests.measure.measures.shown import shown_rows
from tests.report.conftest import Make
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.load.page import cold_rows


def test_a_start_from_the_disk_or_why_there_is_none(make: Make) -> None:
    gone = Missing(missing="another process maps them")
    assert shown_rows(cold_rows(gone)) == [
        ("Load time, files from the disk (s)", "another process maps them")
    ]
    assert shown_rows(cold_rows(make.load(make.figure(1.5, 0.2)))) == [
        ("Load time, files from the disk (s)", "1.50 (1.30 to 1.70), n=30")
    ]
