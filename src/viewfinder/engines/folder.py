"""What the engines that load a model's folder have in common; called by `mlx` and by `transformers`.

A Python library's server app runs in `asgi_child`, one process for each model, and answers one request at a
time.
"""

import functools
import importlib.metadata
import importlib.util
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.catalog.hub import cache_folder, hub_home
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.engines.base import Installed, Launch
from viewfinder.engines.cores import SHARES_CORES
from viewfinder.engines.environment import inherited

_CHILD = Path(__file__).with_name("asgi_child.py")
COUNT_PATH = "/v1/chat/completions/input_tokens"
"""Our own addition to both servers."""
_HUB_VARIABLES = ("HF_", "HUGGINGFACE_", "HUGGING_FACE_", "TRANSFORMERS_")
"""Prefixes of variables that change how the hub's libraries behave; `launch` sets where their cache is."""


@functools.cache
def find(distribution: str, *modules: str) -> Installed | None:
    """The installed library, if all of its modules are installed; imports none of them."""
    specs = [importlib.util.find_spec(module) for module in modules]
    folders = [spec.submodule_search_locations for spec in specs if spec is not None]
    if len(folders) < len(modules) or not folders[0]:
        return None
    return Installed(importlib.metadata.version(distribution), Path(next(iter(folders[0]))))


def launch(
    app: Path,
    variant: Variant,
    files: ModelFiles,
    settings: EngineSettings,
    socket: Path,
    *,
    without: tuple[str, ...],
    environment: Mapping[str, str] | None = None,
    model: str = "",
    lacks: frozenset[str] = frozenset(),
    takes: Mapping[str, str],
) -> Launch:
    """The command that serves a folder with `app`, without variables whose names start with one of `without`.

    `model` is what the server calls its model, if not by its path.
    """
    home, hub = hub_home(), cache_folder()
    options = {
        "app": str(app),
        "model": str(files.model),
        "socket": str(socket),
        "chat_template": variant.chat_template or "",
        "context_tokens": settings.context_tokens,
        "threads": settings.threads,
        "vision": variant.vision,
        "remote_code": variant.remote_code,
        "caches": [str(hub), str(home / "modules")],
        "count_path": COUNT_PATH,
    }
    kept = inherited(without=(*_HUB_VARIABLES, *without))
    offline = {
        "HF_HOME": str(home),  # some models take their tokenizer from another repository of the cache
        "HF_HUB_CACHE": str(hub),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
    }
    # -P keeps the child's folder off sys.path: a file of ours must never shadow a library.
    argv = (sys.executable, "-P", str(_CHILD), json.dumps(options))
    own = SHARES_CORES | kept | offline | dict(environment or {})
    return Launch(
        argv,
        own,
        model=model or str(files.model),
        slots=1,
        lacks=lacks,
        takes=takes,
        count_path=COUNT_PATH,
    )
