"""The HTML guide in a real browser: on a phone and on a desk, light and dark, without a network."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.report.sets import SETS
from viewfinder.report.content import Guide

pytestmark = pytest.mark.browser
ALL = [*SETS, "hostile", "nothing"]
WIDTHS = [360, 768, 1280]
OUTSIDE = """() => {
  const wide = document.documentElement.clientWidth;
  const parts = document.querySelectorAll('.answer, table.overview, table.overview th, table.overview td');
  return [...parts].filter(part => part.closest('thead') === null || wide > 960)
    .map(part => part.getBoundingClientRect())
    .filter(box => box.left < 0 || box.right > wide + 0.5 || box.width === 0 || box.height === 0).length;
}"""
CELLS = """() => [...document.querySelectorAll('table.overview tbody th, table.overview tbody td')]
  .filter(cell => cell.checkVisibility({opacityProperty: true, visibilityProperty: true}))
  .map(cell => cell.innerText.replace(/\\s+/g, ' ').trim())"""
OVERFLOW = "() => document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
ANSWER_ENDS = "() => document.querySelector('.answer').getBoundingClientRect().bottom"


class Shown:
    """A page with what it asked for and what it complained of."""

    def __init__(self, browser: Any, file: Path, width: int, scheme: str = "light") -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
        )
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append("dialog"), dialog.dismiss()))
        self.page.goto(file.as_uri())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ALL)
def test_the_answer_and_the_whole_overview_fit_the_width(
    browser: Any, guides: dict[str, Path], contents: dict[str, Guide], name: str, width: int
) -> None:
    shown = Shown(browser, guides[name], width)
    cells = shown.page.evaluate(CELLS)
    written = [one.text for row in contents[name].overview.rows for one in row]
    assert len(cells) == len(written)
    for seen, text in zip(cells, written, strict=True):
        assert "".join(text.split()) in "".join(seen.replace("†", "").split()), "every cell is seen, whole"
    assert shown.page.evaluate(OVERFLOW) <= 0, "the page scrolls sideways"
    assert shown.page.evaluate(OUTSIDE) == 0
    assert shown.page.evaluate(ANSWER_ENDS) < 800, "the answer is on the first screen"
    shown.context.close()


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_fetched_and_nothing_runs(browser: Any, guides: dict[str, Path], name: str) -> None:
    shown = Shown(browser, guides[name], 1280)
    page = guides[name].as_uri()
    remote = [url for url in shown.asked if url != page and not url.startswith("data:image/")]
    assert (remote, shown.said) == ([], [])
    assert shown.page.evaluate("() => document.scripts.length") == 0
    shown.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ALL)
def test_axe_finds_no_barrier(
    browser: Any, guides: dict[str, Path], axe: str, name: str, width: int, scheme: str
) -> None:
    shown = Shown(browser, guides[name], width, scheme)
    shown.page.evaluate("() => document.querySelectorAll('details').forEach(one => one.open = true)")
    shown.page.evaluate(axe)
    found = shown.page.evaluate("async () => (await axe.run()).violations")
    barriers = [
        f"{one['id']}: {one['help']}: {json.dumps([node['html'][:160] for node in one['nodes'][:3]])}"
        for one in found
    ]
    assert barriers == []
    shown.context.close()


def test_a_models_name_leads_to_its_section(browser: Any, guides: dict[str, Path]) -> None:
    shown = Shown(browser, guides["all good"], 1280)
    link = shown.page.locator("table.overview a").nth(3)
    target = link.get_attribute("href")
    link.focus()
    shown.page.keyboard.press("Enter")
    assert shown.page.url.endswith(target)
    box = shown.page.locator(f"[id='{target.removeprefix('#')}']").bounding_box()
    assert 0 <= box["y"] < 800
    shown.context.close()


def test_it_prints(browser: Any, guides: dict[str, Path]) -> None:
    shown = Shown(browser, guides["all good"], 1280)
    pages = shown.page.pdf(format="A4").count(b"/Type /Page\n")
    assert 2 <= pages <= 40, pages
    shown.context.close()
