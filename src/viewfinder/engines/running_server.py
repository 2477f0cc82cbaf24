"""The engine of running servers: Ollama, LM Studio, vLLM, any OpenAI-compatible server that is already up.

Viewfinder sends requests to such a server, and never starts or stops it. Called by the registry.
"""

from pathlib import Path

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.catalog.uncarded import ENDPOINT
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.errors import EngineError
from viewfinder.engines.base import Engine, Installed, Launch


class RunningServerEngine(Engine):
    name = ENDPOINT
    install = "start the server yourself"
    starts_servers = False

    def find(self) -> Installed:
        """Always there; whether the server answers is found out when it is connected to."""
        return Installed("", Path())

    def context_tokens(self, variant: Variant, settings: EngineSettings) -> int | None:
        """Our settings say nothing about a server that we do not start."""
        return variant.context_tokens

    def launch(self, variant: Variant, files: ModelFiles, settings: EngineSettings, socket: Path) -> Launch:
        """Raises EngineError."""
        raise EngineError(f"{variant.repo} is on a running server, which Viewfinder does not start.")
