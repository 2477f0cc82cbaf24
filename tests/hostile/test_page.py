"""The published table is current and complete: each row has its tests, and what can be sent its attack."""

import ast
from pathlib import Path

import pytest

from tests.faults.measured import measured
from tests.hostile.attacked import ATTACKED
from tests.hostile.attacks import ATTACKS
from tests.hostile.beside import BLOCK_MS, CALM_S, LOG_BYTES, POLITE_S, RSS_MB, TIMES_QUIET
from tests.hostile.page import write_page
from tests.hostile.row import Row
from tests.hostile.table import REQUESTS, ROWS

ROOT = Path(__file__).parents[2]
NOT_SENT = {
    "A25": "it is about a start",
    **dict.fromkeys(("A28", "A29", "A30", "A31"), "it is about files of models"),
    "A38": "it is about what is shown",
    "A40": "it is about what is installed",
    **dict.fromkeys(("A43", "A44"), "it is about what the settings name"),
    **dict.fromkeys(("A41", "A42"), "`make test` sends it beside images"),
    **dict.fromkeys((f"B{at}" for at in (9, 10, 11, 12, *range(15, 20))), "it is about this computer"),
    "B20": "it is about what is kept on it",
    **dict.fromkeys(("B21", "B22", "B23"), "it is refused as A1 and A5 to A16 are, by the same code"),
    **dict.fromkeys(("B24", "B25", "B26", "B28"), "it is refused by its headers, as A22 to A24 are"),
    "B27": "`make test` sends it beside a polite client",
}
"""Rows of which nothing, or nothing else, can be sent to a running gateway."""


def test_the_committed_page_is_current() -> None:
    page = ROOT / "docs" / "security.md"
    assert page.read_text(encoding="utf-8") == write_page(), "Run: make docs"


def test_every_row_is_there() -> None:
    assert [row.name for row in REQUESTS] == [f"A{at}" for at in range(1, 45)]
    assert [row.name for row in ATTACKED] == [f"B{at}" for at in range(1, 29)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_has_its_tests_and_is_complete(row: Row) -> None:
    assert row.tests
    for test in row.tests:
        file, _, name = test.partition("::")
        tree = ast.parse((ROOT / file).read_text())
        nodes = ast.walk(tree)
        functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        assert name in {function.name for function in functions}, test
    assert row.sent
    assert row.promise
    assert "|" not in row.sent + row.promise + row.differs


def test_what_can_be_sent_is_sent_beside_a_polite_client() -> None:
    assert {attack.row for attack in ATTACKS} == {row.name for row in ROWS} - set(NOT_SENT)
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


def test_another_bound_is_named_with_its_reason() -> None:
    assert all(bool(attack.why) == (attack.times != TIMES_QUIET) for attack in ATTACKS)


def test_what_was_published_is_within_the_limits() -> None:
    published = measured("hostile")["attacks"]
    assert set(published) == {attack.name for attack in ATTACKS}
    for attack in ATTACKS:
        figures = published[attack.name]
        assert figures["polite_p99_ms"] < attack.times * figures["quiet_p99_ms"], attack.name
        assert figures["polite_p99_ms"] < 1000 * POLITE_S, attack.name
        assert figures["rss_peak_mb"] < RSS_MB, attack.name
        assert figures["block_ms"] < BLOCK_MS, attack.name
        assert figures["back_s"] < CALM_S, attack.name
        assert figures["log_bytes"] < LOG_BYTES, attack.name
