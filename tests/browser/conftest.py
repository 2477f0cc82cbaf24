"""A real browser; the guide of each set of results as a file; a real `viewfinder serve` with its pages."""

import json
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.catalog.hub_server import HubServer
from tests.e2e.conftest import Served, serving
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
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)
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


def expect(found: Any) -> Any:
    """Playwright's own, which waits; imported late, for `make test` collects these files without it."""
    from playwright.sync_api import expect

    return expect(found)


def site(served: Served) -> str:
    """The address of its pages."""
    return served.url.removesuffix("/v1")


def send(served: Served, address: str) -> Any:
    """What curl does: POST for an action, GET for the rest."""
    method, _, path = address.partition(" ")
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{site(served)}{path}", method=method, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


HOSTILE = "<img src=x onerror=alert(1)>[link](javascript:1)\x1b[31m\u202eabc"
"""What a title, a log or an answer may hold; on a page it is text."""


class Tab:
    """One page in a context of its own; `said` is what its console complained of."""

    def __init__(
        self, browser: Any, url: str, *, width: int = 1280, scheme: str = "light", scripts: bool = True
    ) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
        )
        self.context.set_default_timeout(20_000)
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append("dialog"), dialog.dismiss()))
        self.page.goto(url)

    def _hear(self, message: Any) -> None:
        """A stream that ended is no complaint: it ends whenever the settings are read again."""
        if message.type == "error" and message.text not in ("[object Event]",):
            self.said.append(message.text)

    def barriers(self, axe: str) -> list[str]:
        """What axe-core finds on the page with everything unfolded, and whether it scrolls sideways."""
        self.page.evaluate("() => document.querySelectorAll('details').forEach(one => one.open = true)")
        self.page.evaluate(axe)
        found = self.page.evaluate("async () => (await axe.run()).violations")
        wide = self.page.evaluate(
            "() => document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
        )
        return [
            *(f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found),
            *(["it scrolls sideways"] if wide > 0 else []),
        ]


@pytest.fixture
def tab(browser: Any) -> Iterator[Callable[..., Tab]]:
    """Opens pages; each must have complained of nothing at the end, unless the test emptied `said`."""
    tabs: list[Tab] = []

    def open_tab(url: str, **settings: Any) -> Tab:
        tabs.append(Tab(browser, url, **settings))
        return tabs[-1]

    yield open_tab
    said = [one.said for one in tabs if one.said]
    for one in tabs:
        one.context.close()
    assert said == []


@pytest.fixture(scope="session")
def hub() -> Iterator[HubServer]:
    """The hub that `served` pulls from; its faults are those that a test sets."""
    with HubServer().running() as server:
        yield server


@pytest.fixture(scope="session")
def served(hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One `viewfinder serve` for all pages, with glimpse and a running server of a hostile name."""
    home = tmp_path_factory.mktemp("pages")
    settings = home / "viewfinder.toml"
    settings.touch()
    hostile = {"base_url": "http://127.0.0.1:9/v1", "model": HOSTILE}
    environment = {
        "HF_ENDPOINT": hub.address,
        "HF_HOME": str(tmp_path_factory.mktemp("hf")),
        "VIEWFINDER_ENDPOINTS": json.dumps({"hostile": hostile}),
        "VIEWFINDER_CONFIG": str(settings),
    }
    with serving(home, "--port", "0", **environment) as running:
        yield running
