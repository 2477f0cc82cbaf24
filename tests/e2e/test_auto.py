"""`auto:best` over two real models that are equal: killed, damaged, explained."""

import json
import shutil
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

import viewfinder
from tests.report.conftest import gate, result
from viewfinder.api import orders
from viewfinder.api.control import Control
from viewfinder.catalog.catalog import Catalog
from viewfinder.cli.main import app
from viewfinder.core import paths
from viewfinder.core.config import LocalModel
from viewfinder.host.hardware import this_machine
from viewfinder.measure import results
from viewfinder.measure.store.rows import Run
from viewfinder.measure.store.store import Store

from .conftest import PATIENCE_S, Served, serving

FILES = Catalog().resolve(Catalog().get("glimpse").variant())


def asked(served: Served, **more: Any) -> tuple[int, dict[str, Any], str]:
    """Status, body and why."""
    body = {
        "model": "auto:best",
        "messages": [{"role": "user", "content": "Hello!"}],
        "max_tokens": 8,
        **more,
    }
    request = urllib.request.Request(  # noqa: S310
        f"{served.url}/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:  # noqa: S310
            return reply.status, json.load(reply), reply.headers["x-viewfinder-chosen"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error), ""


def engines(served: Served) -> list[psutil.Process]:
    """Those of llama.cpp: what the wardens own."""
    tree = psutil.Process(served.process.pid).children(recursive=True)
    wardens = {one.pid for one in tree if any(word.endswith("warden.py") for word in one.cmdline())}
    return [one for one in tree if one.ppid() in wardens]


def test_two_equal_models_under_faults(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = []
    with Store(paths.results_file()) as store:
        store.begin(Run("run-2", "quick", "2026-11-22T09:00:00Z", "", this_machine()))
        for name, right in (("one", 96), ("two", 95)):
            folder = tmp_path / name
            folder.mkdir()
            model, mmproj = (shutil.copy(file, folder) for file in (FILES.model, FILES.mmproj))
            settings.append(f'[models.{name}]\nmodel = "{model}"\nmmproj = "{mmproj}"\n')
            card = Catalog({name: LocalModel(model=model, mmproj=mmproj)}).get(name)
            here = {"variant": card.variant().name, "machine": this_machine()}
            results.add(store, result(name, vision=gate(right, 100, passed=True), **here))
    (home / "viewfinder.toml").write_text("\n".join(settings))

    with serving(home, "--port", "0") as served:
        status, answer, why = asked(served)
        first = answer["model"]
        other = {"one": "two", "two": "one"}[first]
        assert (status, f"; {other} cannot be told apart" in why) == (200, True)
        assert why.startswith("right on 9")
        with ThreadPoolExecutor(8) as pool:
            assert {answer["model"] for _, answer, _ in pool.map(lambda _: asked(served), range(50))} == {
                first
            }

        with ThreadPoolExecutor(1) as pool:  # the engine dies while it is asked
            (engine,) = engines(served)
            engine.suspend()
            asking = pool.submit(asked, served)
            engine.kill()
            status, answer, _ = asking.result()
        assert (status, answer["model"] in ("one", "two")) == (200, True)

        Control().unload(first)
        damaged = tmp_path / first / FILES.model.name
        damaged.write_bytes(damaged.read_bytes()[:100_000])
        status, answer, why = asked(served)
        assert (status, answer["model"]) == (200, other)
        assert f"{first} was passed over: " in why

        explained = typed("why", answer["id"])
        assert explained.startswith("auto:best, 20")
        assert why in " ".join(explained.split())
        assert "by its card it knows drawn shapes, not photographs" in explained  # glimpse
        assert json.loads(typed("why", "auto:best", "--json"))["model"] == other
        with viewfinder.load("auto:best") as model:
            said = model.answer_to([{"role": "user", "content": "Hello!"}], max_tokens=8)
            assert "".join(said)
            assert (said.model, model.why(said).partition(" %")[0]) == (other, why.partition(" %")[0])

    monkeypatch.setattr(orders, "read_apart", orders.orders_here)  # half a second less
    alone = json.loads(typed("ask", "auto:fast", "Hello!", "--max-tokens", "8", "--json"))
    assert (alone["model"], alone["answered_by"]) == ("auto:fast", other)
    assert alone["chosen_because"].startswith("an answer about an image takes ")


def typed(*words: str) -> str:
    """What a command prints."""
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done.stdout
