"""An engine from outside the package: one file and an entry point, and no line inside knows of it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
CHILDREN = ROOT / "tests" / "children"
ENTRY_POINT = "[viewfinder.engines]\npainter = third_party_engine:Painter\n"
METADATA = "Metadata-Version: 2.1\nName: third-party-engine\nVersion: 1.0\n"
SETTINGS = '[models.paint]\nmodel = "{model}"\nengine = "painter"\n'
CHOOSES = """
from viewfinder.catalog.catalog import Catalog
from viewfinder.fleet.choice import choose, look

card = Catalog().get("glimpse")
rivals = [card.variants[0].model_copy(update={"engine": engine}) for engine in ("endpoint", "painter")]
two = card.narrowed(rivals).model_copy(update={"prefer": ()})
print(choose(two, look(two))[0].why)
"""
TAKES_A_FINGERPRINT = """
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.engines.registry import engine_named
from viewfinder.host.hardware import this_machine
from viewfinder.host.power import Power
from viewfinder.measure.store.fingerprint import take

variant, engine = Catalog().get("glimpse").variants[0], engine_named("painter")
print(take(variant, engine, "1.0", "", EngineSettings(), this_machine(), Power()).libraries)
"""
Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs Python with the third party's package installed, and a model of its engine in the settings."""
    package = tmp_path / "site"
    facts = package / "third_party_engine-1.0.dist-info"
    facts.mkdir(parents=True)
    for module in ("third_party_engine.py", "third_party_server.py"):
        shutil.copy(CHILDREN / module, package)
    (facts / "METADATA").write_text(METADATA)
    (facts / "entry_points.txt").write_text(ENTRY_POINT)
    model = tmp_path / "colors.json"
    model.write_text('{"red": [255, 0, 0], "blue": [0, 0, 255]}')
    settings = tmp_path / "viewfinder.toml"
    settings.write_text(SETTINGS.format(model=model))
    own = {
        "VIEWFINDER_HOME": str(tmp_path / "home"),
        "VIEWFINDER_CONFIG": str(settings),
        "PYTHONPATH": str(package),
        "COLUMNS": "200",
    }

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words],
            env={**os.environ, **own},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_it_answers_about_a_picture(run: Run, tmp_path: Path) -> None:
    for color in ("red", "blue"):
        Image.new("RGB", (64, 64), color).save(tmp_path / "picture.png")
        assert run("-m", "viewfinder", "ask", "paint", "picture.png", "Which color?").strip() == color


def test_its_title_rank_and_libraries_are_asked_of_it(run: Run) -> None:
    """These facts stood in five tables of the package, keyed by the names of its own engines."""
    assert "The Painter 1.0" in run("-m", "viewfinder", "doctor")
    assert "painter" in run("-m", "viewfinder", "models", "paint")
    assert run("-c", CHOOSES).strip() == "best on this machine: The Painter"
    assert "'starlette':" in run("-c", TAKES_A_FINGERPRINT)


def test_the_page_for_authors_shows_this_very_file() -> None:
    page = (ROOT / "docs" / "add-an-engine.md").read_text()
    assert (CHILDREN / "third_party_engine.py").read_text().strip() in page
    assert ENTRY_POINT.splitlines()[1].partition(" = ")[2] in page
    assert len(page.splitlines()) <= 90
