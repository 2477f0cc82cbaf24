"""The results in a real browser, as a person uses them: measure, watch, stop, read, compare.

One server begins with nothing measured; the other has two real runs of glimpse, and one of a hostile model.
"""

import base64
import json
import lzma
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.e2e.conftest import Served, serving
from tests.measure.made_up import PRINT
from tests.report import conftest as make
from tests.report.sets import OLD
from tests.report.test_document import hostile
from viewfinder.measure import results
from viewfinder.measure.store.rows import Run
from viewfinder.measure.store.store import Store
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.scene import make_scene

pytestmark = pytest.mark.browser
OVERFLOW = "() => document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
BEFORE, AFTER = "20261128T220802Z-2997a8", "20261128T221323Z-98b771"
PATIENCE_MS = 40_000
QUICK_MS = 240_000
"""A whole suite takes half a minute where nothing else runs."""
EVIL = "<img src=x onerror=alert(1)> \u202eleft"


class Looking:
    """A browser's window, and what its pages complained of."""

    def __init__(self, browser: Any, served: Served, **kind: Any) -> None:
        kind = {"viewport": {"width": 1280, "height": 900}} | kind
        self.context = browser.new_context(base_url=served.url, **kind)
        self.context.set_default_timeout(PATIENCE_MS)
        self.said: list[str] = []
        self.page = self.window()

    def window(self) -> Any:
        page = self.context.new_page()
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        return page


@pytest.fixture
def look(browser: Any) -> Iterator[Any]:
    """Opens windows on a server; what they complain of fails the test."""
    opened: list[Looking] = []

    def open_on(served: Served, **kind: Any) -> Looking:
        opened.append(Looking(browser, served, **kind))
        return opened[-1]

    yield open_on
    for one in opened:
        one.context.close()
    assert [said for one in opened for said in one.said if "status of 4" not in said] == []


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("fresh"), "--port", "0") as running:
        yield running


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("measured")
    file = home / "results.sqlite"
    file.write_bytes(lzma.decompress(OLD.read_bytes()))
    bad = hostile(make)[0].model_copy(update={"run": "evil", "model": "evil"})
    with Store(file) as store:
        store.remove("20261128T221917Z-17fc48", "")
        store.begin(Run("evil", "quick", "2026-11-28T23:00:00+00:00", None, bad.machine), {"evil": PRINT})
        results.add(store, bad)
        store.finish("evil", "2026-11-28T23:01:00+00:00")
    with serving(home, "--port", "0") as running:
        yield running


def rate(served: Served, answer: str, *, right: bool, right_answer: str = "") -> None:
    picture = base64.b64encode(encode_png(make_scene("of a results page", things=1))).decode()
    rated = {
        "image": f"data:image/png;base64,{picture}",
        "question": "What shape is in the picture?" if right else f"Who drew it? {EVIL}",
        "answer": answer,
        "right": right,
        "right_answer": right_answer,
    }
    asked = Request(f"{served.url}/fleet/questions", json.dumps(rated).encode(), method="POST")  # noqa: S310
    asked.add_header("content-type", "application/json")
    with urlopen(asked) as reply:  # noqa: S310
        assert reply.status == 200


def test_the_first_bench_from_an_empty_page_to_a_wrong_answer_beside_its_picture(
    look: Any, fresh: Served
) -> None:
    rate(fresh, "a circle", right=True)
    rate(fresh, "Nobody.", right=False, right_answer="Hokusai")
    page = look(fresh).page
    page.goto("/results")
    assert "Nothing was measured" in page.text_content("#answer")
    assert page.get_by_role("button", name="Measure it").is_enabled()
    page.get_by_label("Ask only mine").check()
    page.get_by_role("button", name="Start measuring").click()
    page.get_by_role("heading", name="Measuring").wait_for()
    page.get_by_role("progressbar", name="Share of the run").wait_for()
    page.get_by_text("The last bench is done.").wait_for()
    page.get_by_text("The guide is being made").wait_for(state="hidden")
    assert "glimpse" in page.text_content(".conclusion")
    page.locator("#runs").get_by_role("link", name="glimpse").click()
    wrong = page.locator(".wrong li", has_text="Who drew it?")
    assert "Hokusai" in wrong.text_content()
    assert EVIL.partition(" \u202e")[0] in wrong.text_content()
    picture = wrong.get_by_role("img")
    picture.scroll_into_view_if_needed()
    page.wait_for_function("() => document.querySelector('.wrong img').naturalWidth > 0")


@pytest.mark.timeout(300)
def test_a_quick_bench_is_stopped_resumed_to_its_end_and_there_is_one_at_a_time(
    look: Any, fresh: Served
) -> None:
    """It goes on when the tab is closed that started it."""
    looking = look(fresh)
    page, other = looking.page, looking.window()
    for window in (page, other):
        window.goto("/results")
    page.get_by_role("button", name="Start measuring").press("Enter")
    page.locator("#bench").get_by_text("suite quick, run").wait_for()
    other.get_by_role("button", name="Start measuring").click()
    refused = other.get_by_role("alert")
    refused.wait_for()
    assert "A bench runs already" in refused.text_content()
    assert "stop it first" in refused.text_content()
    page.get_by_role("button", name="Stop").press("Enter")
    page.get_by_text("The last bench was stopped.").wait_for()
    page.get_by_role("button", name="Resume it").press("Enter")
    page.locator("#bench").get_by_text("suite quick, run").wait_for()
    page.close()
    other.goto("/results")
    assert other.get_by_role("heading", name="Measuring").is_visible()
    other.get_by_text("The last bench is done.").wait_for(timeout=QUICK_MS)
    other.get_by_text("The guide is being made").wait_for(state="hidden")
    assert "glimpse" in other.text_content(".conclusion")
    assert "interrupted" not in other.text_content("#runs")


def test_the_whole_guide_under_the_strict_policy_and_back(look: Any, measured: Served) -> None:
    page = look(measured).page
    page.goto("/results")
    page.get_by_role("link", name="The whole guide").click()
    page.locator("figure svg").first.wait_for()
    assert (
        page.evaluate("() => getComputedStyle(document.querySelector('table')).borderCollapse") == "collapse"
    )
    widths = page.eval_on_selector_all("figure svg", "some => some.map(one => one.clientWidth)")
    assert all(200 < width < 600 for width in widths)
    with page.expect_download() as download:
        page.get_by_role("link", name="Markdown").click()
    assert download.value.suggested_filename == "guide.md"
    page.get_by_role("link", name="Back to the results").click()
    page.get_by_role("heading", name="Runs").wait_for()


def test_two_runs_are_compared_by_keyboard_alone(look: Any, measured: Served) -> None:
    page = look(measured).page
    page.goto("/results")
    page.locator("input[name=before]:checked").focus()
    page.keyboard.press("ArrowUp")
    page.locator(f"input[name=before][value='{AFTER}']:checked").wait_for()
    page.keyboard.press("ArrowDown")
    page.locator(f"input[name=before][value='{BEFORE}']:checked").wait_for()
    page.keyboard.press("Shift+Tab")  # to the link of this run's model
    page.keyboard.press("Shift+Tab")
    page.locator(f"input[name=after][value='{AFTER}']:focus:checked").wait_for()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Two runs compared").wait_for()
    assert page.get_by_text("Both were measured on the same computer").is_visible()
    assert page.get_by_role("heading", name="Not clear").is_visible()
    assert "(" in page.locator("td").nth(2).text_content()


def test_it_reads_without_scripts(look: Any, measured: Served) -> None:
    page = look(measured, java_script_enabled=False).page
    page.goto("/results")
    assert page.locator("table.overview").first.is_visible()
    assert not page.locator("#bench-form").is_visible()
    assert page.locator("#bench noscript code").is_visible()
    page.get_by_role("link", name="glimpse").last.click()
    assert page.get_by_role("heading", name="Conditions").is_visible()
    page.goto("/results/guide")
    page.get_by_role("heading", name="How it was measured").wait_for()
    page.goto(f"/results/compare?before={BEFORE}&after={AFTER}")
    assert page.get_by_role("heading", name="Two runs compared").is_visible()


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_axe_finds_no_barrier_and_nothing_overflows(
    look: Any, measured: Served, axe: str, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 800}
    page = look(measured, viewport=size, color_scheme=scheme, bypass_csp=True).page
    for address in (
        "/results",
        "/results/evil/evil",
        f"/results/{AFTER}/glimpse",
        f"/results/compare?before={BEFORE}&after={AFTER}",
    ):
        page.goto(address)
        page.evaluate("() => document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate(OVERFLOW) <= 0, address
        page.evaluate(axe)
        found = page.evaluate("async () => (await axe.run()).violations")
        assert [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found] == [], (
            address
        )
