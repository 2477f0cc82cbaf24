"""The page of the models and that of one, as a person uses them."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import Tab, expect, send, site
from tests.catalog.hub_server import HubServer
from tests.e2e.conftest import Served
from viewfinder.catalog.catalog import WEIGHTS

pytestmark = pytest.mark.browser
Open = Callable[..., Tab]

PULLED, REPO = "smolvlm-256m", "ggml-org/SmolVLM-256M-Instruct-GGUF"
FILES = {
    "SmolVLM-256M-Instruct-Q8_0.gguf": "glimpse-f16.gguf",
    "mmproj-SmolVLM-256M-Instruct-Q8_0.gguf": "mmproj-glimpse-f16.gguf",
}
"""What the hub has under this name is glimpse: small, and a model that runs."""


@pytest.fixture
def published(hub: HubServer) -> Iterator[HubServer]:
    folder = WEIGHTS / "glimpse"
    hub.publish(REPO, {name: (folder / ours).read_bytes() for name, ours in FILES.items()})
    yield hub
    hub.let_go.set()
    hub.faults.hold_at = None
    hub.faults.answers.clear()


def row(page: Any, name: str) -> Any:
    return page.locator(f"[id='model-{name}']")


def test_load_pin_and_unload_and_a_second_tab_sees_it(tab: Open, served: Served) -> None:
    send(served, "POST /fleet/models/glimpse/unload")
    first, second = tab(f"{site(served)}/models").page, tab(f"{site(served)}/fleet").page
    expect(row(first, "glimpse")).to_contain_text("It knows drawn shapes, not photographs.")
    row(first, "glimpse").get_by_role("button", name="Load glimpse", exact=True).click()
    expect(row(first, "glimpse")).to_contain_text("ready")
    expect(row(first, "glimpse")).to_contain_text("verified")
    card = second.locator("[id='server-glimpse']")
    expect(card).to_contain_text("ready")
    expect(card).to_contain_text("used of")
    row(first, "glimpse").get_by_role("button", name="Pin glimpse", exact=True).click()
    expect(row(first, "glimpse")).to_contain_text("pinned")
    row(first, "glimpse").get_by_role("button", name="Unpin glimpse").click()
    expect(row(first, "glimpse")).not_to_contain_text("pinned")
    row(first, "glimpse").get_by_role("button", name="Unload glimpse").click()
    expect(card).to_contain_text("stopped")
    expect(second.locator("#events li").first).to_contain_text("Unloaded, as asked.")
    expect(first.locator("#toasts")).to_contain_text("glimpse is unloaded.")


def test_a_pull_shows_its_progress_is_cancelled_and_resumed(
    tab: Open, served: Served, published: HubServer
) -> None:
    published.faults.hold_at = 2_000_000
    published.let_go.clear()
    page, other = tab(f"{site(served)}/models").page, tab(f"{site(served)}/models/{PULLED}").page
    page.locator("#older-title").click()
    row(page, PULLED).get_by_role("button", name=re.compile(f"Pull .*{PULLED}")).click()
    card = page.locator(f"[id='pull-card-{PULLED}']")
    expect(card.locator("progress")).to_have_attribute("value", re.compile(r"[1-9]\d+"))
    expect(card).to_contain_text(re.compile(r"B of 6\.18 MB"))
    expect(row(page, PULLED)).to_contain_text("downloading")
    expect(other.locator(f"[id='pull-card-{PULLED}'] progress")).to_be_visible()
    card.get_by_role("button", name="Cancel").click()
    expect(card).to_contain_text("cancelled")
    published.faults.hold_at = None
    published.let_go.set()
    published.requests.clear()
    card.get_by_role("button", name="Resume").click()
    expect(card).to_contain_text("pulled")
    assert published.file_requests[0].begins_at > 0, "it continued where it was cancelled"
    expect(page.locator("#here").locator(f"[id='model-{PULLED}']")).to_be_visible()
    expect(other.locator("#state")).to_contain_text("It is here, and not loaded.")
    expect(row(page, PULLED).get_by_role("button", name=f"Load {PULLED}")).to_be_visible()


def test_a_pull_that_fails_says_what_to_do(tab: Open, served: Served, published: HubServer) -> None:
    name, repo = "lfm2.5-vl-450m", "LiquidAI/LFM2.5-VL-450M-GGUF"
    published.publish(repo, {})
    page = tab(f"{site(served)}/models/{name}").page
    page.locator("#state").get_by_role("button", name=re.compile("Pull")).click()
    card = page.locator(f"[id='pull-card-{name}']")
    expect(card).to_contain_text("the download failed")
    expect(card.locator(".error")).to_contain_text(repo)
    expect(card.get_by_role("button", name="Retry")).to_be_visible()


def test_of_many_models_a_form_chooses_some(tab: Open, served: Served) -> None:
    """Also without scripts: then there are no buttons, and everything can be read."""
    for scripts in (True, False):
        page = tab(f"{site(served)}/models", scripts=scripts).page
        assert page.locator("li.model").count() >= 20
        expect(page.locator("#first")).to_contain_text("Try first")
        page.get_by_label("Search").fill("glimpse")
        page.get_by_label("Show").select_option("that fit now")
        page.get_by_role("button", name="Filter").click()
        expect(page.locator("li.model")).to_have_count(1)
        expect(page.get_by_role("button", name="Load glimpse")).to_have_count(1 if scripts else 0)
        page.get_by_role("link", name=re.compile("Show all")).first.click()
        assert page.locator("li.model").count() >= 20


def test_what_others_wrote_is_text(tab: Open, served: Served) -> None:
    opened = tab(f"{site(served)}/models")
    expect(row(opened.page, "hostile")).to_contain_text(
        r"<img src=x onerror=alert(1)>[link](javascript:1)\x1b[31m"
    )
    log = served.home / "logs" / "hostile.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text("<script>alert(1)</script>\n\x1b[31m\u202eabc\n" + "token " * 10_000 + "\n")
    page = tab(f"{site(served)}/models/hostile").page
    page.get_by_text("Log of its engine").click()
    shown = page.locator("#log")
    expect(shown).to_contain_text("<script>alert(1)</script>")
    expect(shown).to_contain_text(r"\x1b[31m\u202eabc")
    with log.open("a") as more:
        more.write("a new line\n")
    expect(shown).to_contain_text("a new line")
    assert page.evaluate("() => document.images.length") == 0


def test_the_keyboard_alone_is_enough(tab: Open, served: Served) -> None:
    page = tab(f"{site(served)}/models?q=glimpse").page
    focused = "() => document.activeElement.innerText"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(focused).startswith("Load"):
            break
    page.keyboard.press("Enter")
    expect(row(page, "glimpse")).to_contain_text("ready")
    expect(page.locator("[id='state-glimpse']")).to_be_focused()
    page.keyboard.press("Enter")
    expect(row(page, "glimpse")).to_contain_text("stopped")
    expect(page.locator("[id='state-glimpse']")).to_have_text(re.compile("^Load"))


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_axe_finds_no_barrier(tab: Open, served: Served, axe: str, width: int, scheme: str) -> None:
    for address in ("/models", "/models?q=nothing-like-it", "/models/glimpse", "/models/nonesuch"):
        opened = tab(f"{site(served)}{address}", width=width, scheme=scheme)
        opened.page.wait_for_load_state("load")
        assert opened.barriers(axe) == [], address
        opened.said = [one for one in opened.said if "404" not in one]
