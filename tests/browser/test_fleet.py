"""The page of the fleet while things happen: loads, a kill, a restart of the gateway."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.browser.conftest import Tab, expect, send, site
from tests.e2e.conftest import Served, serving

pytestmark = pytest.mark.browser
Open = Callable[..., Tab]


def glimpse(served: Served) -> dict[str, Any]:
    servers = send(served, "GET /fleet")["servers"]
    return next(server for server in servers if server["model"] == "glimpse")


def test_an_engine_that_is_killed_leaves_a_post_mortem(tab: Open, served: Served, axe: str) -> None:
    send(served, "POST /fleet/models/glimpse/load")
    page = tab(f"{site(served)}/fleet").page
    card = page.locator("[id='server-glimpse']")
    expect(card).to_contain_text("never unexpectedly")
    psutil.Process(glimpse(served)["pid"]).kill()
    expect(card).to_contain_text("1 unexpectedly, 1 restart")
    expect(card).to_contain_text("ready")
    death = page.locator("#events li", has_text="killed").first
    expect(death).to_contain_text("SIGKILL")
    death.get_by_role("link", name="Post-mortem").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Post-mortem of glimpse")
    expect(page.locator("main")).to_contain_text("None: it was idle, or still loading.")
    expect(page.locator("main")).to_contain_text("Its last lines")
    opened = tab(page.url, width=360, scheme="dark")
    assert opened.barriers(axe) == []
    assert "llama" in opened.page.locator("details pre").inner_text()


def test_updates_keep_the_focus_and_what_is_open(tab: Open, served: Served) -> None:
    page = tab(f"{site(served)}/fleet").page
    send(served, "POST /fleet/models/glimpse/load")
    pin = page.get_by_role("button", name="Pin glimpse", exact=True)
    expect(pin).to_be_visible()
    page.locator("#older").evaluate("one => { one.open = true; one.className = '' }")
    page.evaluate("() => { document.querySelector('#servers').dataset.old = '1' }")
    pin.focus()
    send(served, "POST /fleet/models/glimpse/unload")
    expect(page.locator("[id='server-glimpse']")).to_contain_text("stopped")
    expect(page.locator("#servers[data-old]")).to_have_count(0)
    expect(pin).to_be_focused()
    expect(page.locator("#older")).to_have_attribute("open", "")


def test_a_refusal_has_more_to_unfold(tab: Open, served: Served) -> None:
    page = tab(f"{site(served)}/fleet").page
    with socket.create_connection(site(served).removeprefix("http://").split(":")) as stranger:
        stranger.sendall(b"GET / HTTP/9.9\r\nno header\r\n\r\n")
        stranger.recv(1000)
    refusal = page.locator("#events li", has_text="refused").first
    expect(refusal).to_contain_text("1 request refused")
    refusal.get_by_text("From where").click()
    send(served, "POST /fleet/models/glimpse/pin")
    send(served, "POST /fleet/models/glimpse/unpin")
    send(served, "POST /fleet/models/glimpse/load")
    expect(page.locator("#events li").first).not_to_contain_text("refused")
    expect(page.locator("#events li", has_text="refused").first.get_by_text("From 127.0.0.1")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_axe_finds_no_barrier_on_the_fleet(
    tab: Open, served: Served, axe: str, width: int, scheme: str
) -> None:
    send(served, "POST /fleet/models/glimpse/load")
    opened = tab(f"{site(served)}/fleet", width=width, scheme=scheme)
    expect(opened.page.locator("[id='server-glimpse']")).to_contain_text("ready")
    assert opened.barriers(axe) == []


def test_a_page_says_that_the_gateway_is_gone_and_recovers(tab: Open, tmp_path: Path) -> None:
    """From nothing loaded on, with scripts and without."""
    with serving(tmp_path, "--port", "0") as served:
        address, port = site(served), site(served).rpartition(":")[2]
        opened = tab(f"{address}/fleet")
        expect(opened.page.locator("#servers")).to_contain_text("Nothing is loaded.")
        expect(opened.page.locator("#events")).to_contain_text("No event yet.")
        plain = tab(f"{address}/fleet", scripts=False).page
        expect(plain.locator("#servers")).to_contain_text("See all models")
        expect(plain.get_by_role("button")).to_have_count(0)
    expect(opened.page.locator("#gone")).to_be_visible()
    with serving(tmp_path, "--port", port):
        expect(opened.page.locator("#gone")).to_be_hidden()
        expect(opened.page.locator("#servers")).to_contain_text("Nothing is loaded.")
        opened.page.get_by_role("button", name="Load glimpse", exact=True).click()
        expect(opened.page.locator("[id='server-glimpse']")).to_contain_text("ready")
    opened.said.clear()
