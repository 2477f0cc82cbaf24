"""The llama.cpp engine: its HTTP server from the xllamacpp wheel, hosted by `llama_cpp_child`.

A native `llama-server` takes the wheel's place where the settings name one. Called by the registry.
"""

import functools
import importlib.metadata
import importlib.util
import json
import sys
from pathlib import Path

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.core.config import EngineSettings
from viewfinder.engines.base import Found, Launch
from viewfinder.engines.llama_server import environment, native

CHILD = Path(__file__).with_name("llama_cpp_child.py")


class LlamaCpp:
    """See `base.Engine`."""

    name = "llama.cpp"
    install = "pip install xllamacpp"
    known_good = ">=2026.10.11549"

    def find(self) -> Found | None:
        return _find()

    def launch(self, variant: Variant, files: ModelFiles, settings: EngineSettings, socket: Path) -> Launch:
        options = {
            "model": str(files.model),
            "mmproj": str(files.mmproj) if files.mmproj else "",
            "chat_template": variant.chat_template or "",
            "socket": str(socket),
            "context_tokens": settings.context_tokens * settings.slots,
            "slots": settings.slots,
            "threads": settings.threads,
            "image_tokens": settings.image_tokens,
        }
        if settings.llama_server is not None:
            return native(settings.llama_server.expanduser(), options)
        # -P keeps the child's folder off sys.path: a file of ours must never shadow a library.
        return Launch((sys.executable, "-P", str(CHILD), json.dumps(options)), environment())


@functools.cache
def _find() -> Found | None:
    spec = importlib.util.find_spec("xllamacpp")
    if spec is None or spec.origin is None:
        return None
    return Found(importlib.metadata.version("xllamacpp"), Path(spec.origin).parent)
