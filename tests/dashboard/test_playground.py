"""The playground's page as HTML: which models it offers, and what it says when there is none."""

from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from viewfinder.core.config import Limits
from viewfinder.core.errors import EngineMissing
from viewfinder.dashboard.playground import Playground, chosen, offered
from viewfinder.fleet.listing import FirstChoice
from viewfinder.gateway.sender import KEY_OWNER
from viewfinder.gateway.sessions import IS_ADMIN

HOSTILE = "</option><script>alert(1)</script>\x1b[31m"
FIRST = FirstChoice(("pictures",), "qwen3-vl-2b", "The newest.", "viewfinder pull qwen3-vl-2b")
TEXT_FIRST = FirstChoice(("text",), "other", "It reads.", "viewfinder pull other")


class Models:
    """A fleet, as far as the page looks at it: {name: (sees, state)}; None: no engine."""

    def __init__(self, models: dict[str, tuple[bool | None, str]]) -> None:
        self.models = models

    def cards(self) -> list[Any]:
        return [SimpleNamespace(name=name, title=f"Model {name}") for name in self.models]

    def variant_of(self, name: str) -> Any:
        sees, _ = self.models[name]
        if sees is None:
            raise EngineMissing("no engine")
        return SimpleNamespace(vision=sees)

    def state_of(self, name: str) -> str:
        return self.models[name][1]


class Asked:
    """A backing that notes whether the catalog was asked."""

    def __init__(self) -> None:
        self.overviews = 0
        self.models = self.questions = self

    async def overview(self) -> Any:
        self.overviews += 1
        return SimpleNamespace(first=(FIRST, TEXT_FIRST))

    async def kept(self) -> Any:
        return SimpleNamespace(folder="/home/some one/questions")


def shown(
    fleet: Models,
    backing: Asked | None = None,
    owner: str = "",
    *,
    is_admin: bool = True,
    address: str = "/",
) -> str:
    playground = Playground(fleet, backing or Asked(), lambda: Limits(pixels=3_000_000))

    async def page(request: Request) -> Response:
        request.scope |= {KEY_OWNER: owner, IS_ADMIN: is_admin}
        return await playground.page(request)

    answer = TestClient(Starlette(routes=[Route("/", page)])).get(address)
    assert answer.status_code == 200
    return answer.text


def test_a_loaded_model_that_sees_is_chosen_and_the_catalog_is_not_asked() -> None:
    backing = Asked()
    fleet = Models({"blind": (False, "ready"), "first": (True, "stopped"), "up": (True, "ready")})
    page = shown(fleet, backing)
    assert page.count('value="up" title="Model up" data-sees="yes" selected') == 1
    assert page.index('value="first"') < page.index('value="blind"')
    assert "blind · text only" in page
    assert backing.overviews == 0
    assert 'data-pixels="3000000"' in page
    assert "--vqa &#39;/home/some one/questions&#39; --only" in page


def test_the_address_may_name_the_model_to_begin_with() -> None:
    fleet = Models({"first": (True, "stopped"), "up": (True, "ready")})
    assert 'value="first" title="Model first" data-sees="yes" selected' in shown(
        fleet, address="/?model=first"
    )
    assert 'value="up" title="Model up" data-sees="yes" selected' in shown(fleet, address="/?model=elsewhere")


def test_the_first_choice_is_chosen_where_none_is_loaded() -> None:
    models = offered(Models({"a": (True, "stopped"), "qwen3-vl-2b": (True, "stopped"), "none": (None, "")}))
    assert chosen(models, [FIRST.model]) == "qwen3-vl-2b"
    assert chosen(models, ["elsewhere"]) == "a"
    assert chosen([], [FIRST.model]) == ""
    assert [model.name for model in models] == ["a", "qwen3-vl-2b"]


@pytest.mark.parametrize(
    ("models", "title"),
    [({}, "No model is here yet"), ({"blind": (False, "ready")}, "No model here sees pictures")],
)
def test_an_empty_page_says_what_to_pull(models: dict[str, tuple[bool | None, str]], title: str) -> None:
    page = shown(Models(models))
    assert title in page
    assert "viewfinder pull qwen3-vl-2b" in page
    assert "viewfinder pull other" not in page
    assert 'href="/models"' in page
    assert ("playground.js" in page) == bool(models)


def test_twenty_models_and_hostile_names_are_text() -> None:
    fleet = Models(
        {f"model-{number}": (True, "stopped") for number in range(19)} | {HOSTILE: (True, "ready")}
    )
    page = shown(fleet)
    assert "alert(1)</script>" not in page
    assert page.count("\x1b") == 3, "what is sent as the name is the name"
    assert page.count("data-sees=") == 3 * 20


def test_a_key_stands_as_a_variable_in_what_is_copied_and_only_an_admin_rates() -> None:
    page = shown(Models({"up": (True, "ready")}), owner="anna", is_admin=False)
    assert page.count('-H "Authorization: Bearer $VIEWFINDER_API_KEY"') == 2
    assert 'os.environ["VIEWFINDER_API_KEY"]' in page
    assert '<fieldset class="rate row" disabled' in page
    assert "VIEWFINDER_API_KEY" not in shown(Models({"up": (True, "ready")}))
