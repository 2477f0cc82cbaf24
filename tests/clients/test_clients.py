"""Real clients, unchanged, against a real `viewfinder serve glimpse`: `make test-clients`; with RAY=local its
models are on a Ray cluster."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.row import Client, No
from tests.clients.running import run
from tests.clients.table import CLIENTS
from tests.e2e.conftest import Served, on_ray, serving
from tests.faults.measured import WANTED
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.scene import make_scene

RED_CIRCLE = "clients/76"
CHOSEN = os.environ.get("CLIENTS", "").split()
"""Environments, as `make test-clients CLIENTS="..."` names them; all without."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served"), "--port", "0", "glimpse", *on_ray()) as running:
        yield running


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("image") / "circle.png"
    file.write_bytes(encode_png(make_scene(RED_CIRCLE, things=1)))
    return file


@pytest.fixture(scope="module")
def record() -> Iterator[dict[str, Any]]:
    """The rows of this run; they replace those of the same clients in clients.json of VIEWFINDER_MEASURED."""
    rows: dict[str, Any] = {}
    yield rows
    if WANTED:
        file = Path(WANTED) / "clients.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        known = json.loads(file.read_text()) if file.exists() else {}
        names = [client.name for client in CLIENTS]
        kept = {name: row for name, row in {**known, **rows}.items() if name in names}
        ordered = dict(sorted(kept.items(), key=lambda item: names.index(item[0])))
        file.write_text(json.dumps(ordered, indent=1) + "\n")


def test_the_picture_has_one_red_circle() -> None:
    (thing,) = make_scene(RED_CIRCLE, things=1).things
    assert (thing.color, thing.shape) == ("red", "circle")


@pytest.mark.clients
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "client",
    [client for client in CLIENTS if not CHOSEN or client.environment in CHOSEN],
    ids=lambda client: client.name,
)
def test_what_works_is_what_the_table_says(
    client: Client, served: Served, image: Path, record: dict[str, Any], tmp_path: Path
) -> None:
    """A check without a reason passes, one with a reason does not: a reason that is no longer true goes."""
    outcome = run(client, served.url, image, tmp_path)
    assert set(outcome.checks) == client.checks, outcome.ending
    failed = {name: said or "nothing" for name, (ok, said) in outcome.checks.items() if not ok}
    record[client.name] = {
        "version": outcome.version,
        "date": time.strftime("%Y-%m-%d"),
        "passed": [name for name, (ok, _) in outcome.checks.items() if ok],
        "failed": {name: said.splitlines()[0][:120] for name, said in failed.items()},
    }
    known: dict[str, No] = {name: no for name, no in client.nos.items() if name in client.checks}
    assert failed.keys() == known.keys(), f"{json.dumps(failed, indent=1)}\n{outcome.ending}"
