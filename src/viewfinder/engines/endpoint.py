"""The engine that is not ours to start: any OpenAI-compatible server that runs already.

Ollama, LM Studio, a vLLM on a machine with a GPU. Called by the registry; `fleet/remote` speaks to it.
"""

from pathlib import Path

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.core.config import EngineSettings
from viewfinder.core.errors import EngineError
from viewfinder.engines.base import Engine, Installed, Launch


class Endpoint(Engine):
    name = "endpoint"
    install = "start the server yourself"
    starts_servers = False

    def find(self) -> Installed:
        """Whether the server answers is known when it is asked."""
        return Installed("", Path())

    def launch(self, variant: Variant, files: ModelFiles, settings: EngineSettings, socket: Path) -> Launch:
        """Raises EngineError: we never start what we do not stop."""
        raise EngineError(f"{variant.repo} runs on a server of its own; Viewfinder does not start it.")
