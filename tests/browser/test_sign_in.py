"""Signing in with a key, as a person does it, and what a key without admin rights sees."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.conftest import run, serving

pytestmark = pytest.mark.browser

OWN_KEY = "a-key-of-the-settings"


@dataclass(frozen=True)
class Locked:
    """A server that needs a key; `asking` is one that can only ask."""

    url: str
    asking: str


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    home = tmp_path_factory.mktemp("locked")
    settings = home / "viewfinder.toml"
    settings.touch()
    environment = {"VIEWFINDER_CONFIG": str(settings), "VIEWFINDER_API_KEY": OWN_KEY}
    made = run("keys", "add", "kiosk", home=home, **environment)
    key = next(word for word in made.stdout.split() if word.startswith("vf-"))
    with serving(home, "--port", "0", "glimpse", **environment) as running:
        yield Locked(running.url, key)


def sign_in(page: Any, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()


def test_a_key_opens_the_page_that_was_asked_for(tab: Callable[..., Any], locked: Locked) -> None:
    one = tab(f"{locked.url}/fleet")
    page = one.page
    page.wait_for_url(re.compile(r"/login\?next="))
    sign_in(page, "not-a-key")
    assert "not a key of this server" in page.get_by_role("alert").inner_text()
    one.said.clear()  # the browser's console names the status 401
    sign_in(page, OWN_KEY)
    page.wait_for_url(f"{locked.url}/fleet")
    assert page.get_by_role("heading", level=1).inner_text() == "Fleet"
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    page.goto(f"{locked.url}/models")
    page.wait_for_url(re.compile(r"/login\?next="))


def test_the_session_is_a_strict_cookie_that_no_script_reads(tab: Callable[..., Any], locked: Locked) -> None:
    one = tab(f"{locked.url}/login")
    sign_in(one.page, OWN_KEY)
    one.page.wait_for_url(f"{locked.url}/")
    cookies = {cookie["name"]: cookie for cookie in one.context.cookies()}
    session = cookies["viewfinder_session"]
    assert (session["httpOnly"], session["sameSite"]) == (True, "Strict")
    assert one.page.evaluate("document.cookie") == ""
    assert OWN_KEY not in session["value"]


def test_a_key_that_can_only_ask_changes_nothing(tab: Callable[..., Any], locked: Locked) -> None:
    one = tab(f"{locked.url}/login?next=/fleet")
    sign_in(one.page, locked.asking)
    one.page.wait_for_url(f"{locked.url}/fleet")
    assert one.page.locator("[data-send]").count() == 0
    refused = one.page.evaluate(
        "call('/fleet/models/glimpse/unload', 'POST', {}).then(() => 'done', (error) => error.message)"
    )
    assert "admin" in refused
    one.said.clear()  # the browser's console names the status 403


def test_signing_in_needs_no_scripts(tab: Callable[..., Any], locked: Locked) -> None:
    one = tab(f"{locked.url}/models", scripts=False)
    sign_in(one.page, OWN_KEY)
    one.page.wait_for_url(f"{locked.url}/models")
    assert one.page.get_by_role("heading", level=1).inner_text() == "Models"


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_at_the_door(
    tab: Callable[..., Any], locked: Locked, axe: str, width: int, scheme: str
) -> None:
    assert tab(f"{locked.url}/login", width=width, scheme=scheme).barriers(axe) == []


def test_an_address_without_a_page_leads_back(tab: Callable[..., Any], locked: Locked, axe: str) -> None:
    one = tab(f"{locked.url}/login")
    sign_in(one.page, OWN_KEY)
    one.page.wait_for_url(f"{locked.url}/")
    one.page.goto(f"{locked.url}/no/such/page")
    assert one.page.get_by_role("heading", level=1).inner_text() == "There is no such page"
    assert one.barriers(axe) == []
    one.said.clear()  # the browser's console names the status 404
    one.page.get_by_role("main").get_by_role("link", name="Models").click()
    one.page.wait_for_url(f"{locked.url}/models")
