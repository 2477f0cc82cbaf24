"""Rankings in the guide's words."""

import math
from typing import Any

from viewfinder.catalog.published import published
from viewfinder.measure.compare.standings import Standing
from viewfinder.measure.statistics.contrasts import Contrast
from viewfinder.measure.statistics.ranking import Ranking
from viewfinder.report.document import write_guide
from viewfinder.report.ranks import lines

SHARES = Contrast(0.05, -0.012, 0.112, 0.0, 0.1, 0.09, 200, 0.4)
TIMES = Contrast(-math.log(1.5), -math.log(1.6), -math.log(1.4), -0.46, -0.35, 1e-6, 7, 0.1)
OPEN = Standing(
    "right image answers",
    "2 points",
    "questions",
    False,
    (Ranking("a", "best"), Ranking("b", "not separated", SHARES, 0.2, 1234)),
)
CLEAR = Standing("time", "5 %", "processes", True, (Ranking("a", "best"), Ranking("b", "worse", TIMES, 1e-6)))


def test_verdicts_and_differences() -> None:
    assert lines(OPEN) == [
        ("a", "best"),
        (
            "b",
            "not separated: needs about 1,234 more questions "
            "(5.0 points below the best, -1.2 to 11.2, n=200)",
        ),
    ]
    assert lines(CLEAR)[1] == ("b", "worse (1.50 times the best one's, 1.40 to 1.60)")


def test_the_guide_prints_them(make: Any) -> None:
    page = write_guide([make.result()], published(), standings=[OPEN, CLEAR])
    assert (
        "Ranking by right image answers. Tied models surely differ from the best by less than 2 points"
        in page
    )
    assert "- b: not separated: needs about 1,234 more questions" in page
    assert "Ranking by" not in write_guide([make.result()], published())
