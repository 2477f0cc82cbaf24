"""The published table of clients is current and complete, and rests on what was measured."""

import pytest

from tests.clients.page import write_page
from tests.clients.row import HERE, ROOT, Client
from tests.clients.table import CLIENTS
from tests.faults.measured import measured


def test_the_committed_page_is_current() -> None:
    page = ROOT / "docs" / "clients.md"
    assert page.read_text(encoding="utf-8") == write_page(), "Run: make docs"


def test_names_are_unique_and_each_was_measured() -> None:
    names = [client.name for client in CLIENTS]
    assert len(set(names)) == len(names)
    assert list(measured("clients")) == names


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_row_is_what_was_measured_of_the_pinned_version(client: Client) -> None:
    row = measured("clients")[client.name]
    assert {*row["passed"], *row["failed"]} == client.checks
    assert set(row["failed"]) == set(client.nos) - client.left_out
    folder = HERE / client.environment
    pins = (
        folder / "package-lock.json" if client.is_npm else HERE / "requirements" / f"{client.environment}.txt"
    )
    assert row["version"] in pins.read_text()
    assert "|" not in client.title + "".join(no.why for no in client.nos.values())
