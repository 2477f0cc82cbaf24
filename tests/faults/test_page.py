"""The published fault table is current, and each of its rows has its test."""

import ast
from pathlib import Path

import pytest

from tests.faults.page import all_faults, write_page
from tests.faults.table import A_ROW, ENGINES, Fault

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"


def test_the_committed_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == write_page(), "Run: make docs"


def test_there_are_25_faults_of_an_engine_and_names_are_unique() -> None:
    names = [fault.name for fault in all_faults()]
    assert len(set(names)) == len(names)
    assert len(ENGINES) >= 25


@pytest.mark.parametrize("fault", all_faults(), ids=lambda fault: fault.name)
def test_a_row_has_its_test_and_is_complete(fault: Fault) -> None:
    file, _, name = fault.test.partition("::")
    tree = ast.parse((ROOT / file).read_text())
    assert name in {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert fault.what
    assert fault.client
    assert fault.end
    assert "|" not in fault.what + fault.client + fault.end
    assert bool(fault.replies) == (fault.test == A_ROW)
