"""A model's eyes for agents, over MCP: one tool, `look`, and the first screen of the guide; called by
`viewfinder mcp`.

https://modelcontextprotocol.io
"""

import asyncio
import importlib.util
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from viewfinder.api.measuring import guide
from viewfinder.api.model import Model, load
from viewfinder.api.models import overview
from viewfinder.api.question import require_data_urls
from viewfinder.core.config import Settings, load_settings
from viewfinder.core.errors import EngineError, EngineMissing, ViewfinderError
from viewfinder.core.version import IN_THE_CHECKOUT, VERSION, install_command

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

GUIDE = "viewfinder://guide"
EMBEDDED = "glimpse"
FIRST_SCREEN_ENDS = "\n## Test environment"
INSTRUCTIONS = (
    "Use `look` to see: it asks a vision-language model on this computer about images. Images are paths of "
    "files or data URLs. Small models answer short, direct questions best; ask one thing at a time."
)


class Eyes:
    """Models that answer about images; each is loaded for the first question to it, and stays until `close`.

    `model` answers where a question names none; None: the best of those whose files are here. Without
    `reads_paths` an image has to be a data URL.
    """

    def __init__(
        self, model: str | None = None, *, reads_paths: bool = True, settings: Settings | None = None
    ) -> None:
        self._settings = settings or load_settings()
        self._default = model
        self._reads_paths = reads_paths
        self._loaded: dict[str, Model] = {}
        self._loading = asyncio.Lock()

    async def look(self, images: list[str], question: str, model: str | None = None) -> str:
        """The answer. Raises ViewfinderError."""
        if not self._reads_paths:
            require_data_urls(images)
        name = model or self._default
        if name is None:
            name = await asyncio.to_thread(best_here, self._settings)
        one = await self._model(name)
        try:
            return await one.aask(*images, question)
        except EngineError:  # a `serve` that was stopped meanwhile: the next question loads the model again
            await self._forget(name)
            raise

    async def close(self) -> None:
        """Stop everything that was loaded."""
        for name in tuple(self._loaded):
            await self._forget(name)

    async def _model(self, name: str) -> Model:
        async with self._loading:
            if name not in self._loaded:
                self._loaded[name] = await asyncio.to_thread(load, name, settings=self._settings)
            return self._loaded[name]

    async def _forget(self, name: str) -> None:
        if one := self._loaded.pop(name, None):
            await asyncio.to_thread(one.close)


def best_here(settings: Settings) -> str:
    """The model for images that this computer should use, of those that need no download."""
    choices, lines = overview(settings=settings)
    ready = {line.name: line for line in lines if line.ready and line.vision}
    first = [one.model for one in choices if one.model in ready and "pictures" in one.uses]
    others = [name for name in ready if name != EMBEDDED]
    return next(iter((*first, *others)), EMBEDDED)


def first_screen() -> str:
    """What the guide says before its evidence, in Markdown; where nothing was measured, how to measure."""
    try:
        return guide("md").partition(FIRST_SCREEN_ENDS)[0]
    except ViewfinderError as error:
        return f"{error.message} {error.hint}".strip()


def mcp_server(eyes: Eyes) -> "MCPServer":
    """The MCP server over `eyes`. Raises EngineMissing where its package is not installed."""
    if importlib.util.find_spec("mcp") is None:
        raise EngineMissing(
            "The package for MCP is not installed.", hint=f"{install_command('mcp')}{IN_THE_CHECKOUT}"
        )
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.types import ToolAnnotations

    server = MCPServer("viewfinder", title="Viewfinder", instructions=INSTRUCTIONS, version=VERSION)

    @server.tool(
        title="Look at images",
        annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False),
        structured_output=False,
    )
    async def look(
        image: Annotated[
            str | list[str],
            Field(description="A path, or data:image/png;base64,...; a list for several images."),
        ],
        question: Annotated[str, Field(min_length=1, description="What to answer about them.")],
        model: Annotated[str | None, Field(description="A name from `viewfinder models`.")] = None,
    ) -> str:
        """Answer a question about one or several images, with a vision-language model on this computer."""
        try:
            return await eyes.look([image] if isinstance(image, str) else image, question, model)
        except ViewfinderError as error:
            raise ToolError(f"{error.message} {error.hint}".strip()) from None

    @server.resource(GUIDE, title="Which model to use", mime_type="text/markdown")
    async def which_model() -> str:
        """Which vision-language model to use on this computer, by what was measured on it."""
        return await asyncio.to_thread(first_screen)

    return server
