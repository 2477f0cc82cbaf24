"""What reaches a real engine as text: special tokens in a request, a hostile template in a model's card."""

import ast
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

import viewfinder
from tests.faults.gateway import Gateway, gateway, picture
from tests.hostile.payloads import SPECIAL_TEXTS
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIEWFINDER_HOME", str(tmp_path_factory.mktemp("engine")))
        async with gateway(Catalog(), Settings(port=0)) as running:
            yield running


@pytest.mark.parametrize("image", [None, picture("red")], ids=["text", "image"])
@pytest.mark.asyncio(loop_scope="module")
async def test_special_tokens_in_a_text_end_no_engine(served: Gateway, image: bytes | None) -> None:
    """A text alone killed other servers, which counted on an image where the text spelled its token."""
    for text in SPECIAL_TEXTS:
        reply = await served.ask("glimpse", text, image, max_tokens=4)
        assert reply.status in (200, 400), text
    assert (await served.ask("glimpse", "What color is it?", picture("red"))).status == 200
    assert served.fleet.events.counts["load", "glimpse"] == 1, "the engine was never replaced"


def hostile(file: Path) -> dict[str, str]:
    return {
        "it starts a program": f"{{{{ cycler.__init__.__globals__.os.popen('touch {file}').read() }}}}",
        "it opens a file": f"{{% include '{file}' %}}{{% import '{file}' as x %}}",
        "it looks for classes": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "it is damaged": "{% for x in %}{{",
    }


@pytest.mark.parametrize("name", hostile(Path()))
async def test_a_template_is_rendered_by_the_engine_and_does_nothing_else(tmp_path: Path, name: str) -> None:
    """It may come with any model's file. Python's own Jinja started programs for other servers."""
    catalog, touched = Catalog(), tmp_path / "touched"
    card = catalog.get("glimpse")
    variant = card.variant().model_copy(update={"chat_template": hostile(touched)[name]})
    catalog._cards["glimpse"] = card.model_copy(update={"variants": (variant,)})
    settings = Settings.model_validate({"port": 0, "fleet": {"canary": False, "deaths": 1}})
    async with gateway(catalog, settings) as running:
        reply = await running.ask("glimpse", "What is 2 plus 2?", max_tokens=4)
        assert reply.status in (200, 400, 502), reply
        async with running.session.get("/health") as health:
            assert health.status == 200
    assert not touched.exists()


def test_only_the_guide_and_the_pages_are_made_from_templates_and_they_are_ours() -> None:
    """No template from a model's files can be rendered by this process: nothing else knows how."""
    package = Path(viewfinder.__file__).parent
    users = {
        file.relative_to(package).parts[0]
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if (isinstance(node, ast.Import) and any(name.name.startswith("jinja2") for name in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("jinja2"))
    }
    assert users == {"report", "dashboard"}
