"""A real browser, and the guide of each set of results as a file."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.conftest import result
from tests.report.sets import SETS, Stored
from tests.report.test_document import hostile
from viewfinder.api.pictures import inline
from viewfinder.catalog.published import published
from viewfinder.report.content import Guide
from viewfinder.report.document import make_guide
from viewfinder.report.formats import write

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


class Makers:
    """What `hostile` makes its result from."""

    result = staticmethod(result)

    def __getattr__(self, name: str) -> Any:
        from tests.report import conftest

        return getattr(conftest, name)


def every_set() -> dict[str, Stored]:
    return {name: make() for name, make in SETS.items()} | {
        "hostile": Stored(
            [*hostile(Makers()), result("unbroken", title="W" * 160, model_id="w/" + "W" * 160)]
        ),
        "nothing": Stored([]),
    }


@pytest.fixture(scope="session")
def contents() -> dict[str, Guide]:
    """The guide of each set as data, by name."""
    return {
        name: make_guide(one.results, published(), one.previous, evidence=one.evidence, draw=inline)
        for name, one in every_set().items()
    }


@pytest.fixture(scope="session")
def guides(contents: dict[str, Guide], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The HTML guide of each set, by name."""
    folder = tmp_path_factory.mktemp("guides")
    files = {}
    for name, guide in contents.items():
        files[name] = folder / f"{name.replace(' ', '-')}.html"
        files[name].write_text(write(guide, "html"), encoding="utf-8")
    return files


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.fail("no Chromium here; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def axe() -> str:
    if not AXE.is_file():
        pytest.fail("axe-core is not here; run: make test-browser")
    return AXE.read_text(encoding="utf-8")
