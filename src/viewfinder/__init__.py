"""Local vision-language models behind one OpenAI-compatible API, kept alive and honestly measured.

with viewfinder.load("glimpse") as model:
    print(model.ask("photo.jpg", "What is this?"))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from viewfinder.api.control import Control
    from viewfinder.api.exporting import export, export_lmms_eval
    from viewfinder.api.measuring import bench, guide
    from viewfinder.api.model import Model, load
    from viewfinder.api.models import ModelLine, VariantLine, models, variants
    from viewfinder.api.pulling import PulledModel, pull
    from viewfinder.api.serving import Serving, serve
    from viewfinder.core.config import Settings, load_settings
    from viewfinder.core.errors import ViewfinderError

_HOMES = {
    "Control": "api.control",
    "Model": "api.model",
    "ModelLine": "api.models",
    "PulledModel": "api.pulling",
    "Serving": "api.serving",
    "Settings": "core.config",
    "VariantLine": "api.models",
    "ViewfinderError": "core.errors",
    "bench": "api.measuring",
    "export": "api.exporting",
    "export_lmms_eval": "api.exporting",
    "guide": "api.measuring",
    "load": "api.model",
    "load_settings": "core.config",
    "models": "api.models",
    "pull": "api.pulling",
    "serve": "api.serving",
    "variants": "api.models",
}

__all__ = [
    "Control",
    "Model",
    "ModelLine",
    "PulledModel",
    "Serving",
    "Settings",
    "VariantLine",
    "ViewfinderError",
    "bench",
    "export",
    "export_lmms_eval",
    "guide",
    "load",
    "load_settings",
    "models",
    "pull",
    "serve",
    "variants",
]


def __getattr__(name: str) -> Any:
    """Import a public name at its first use: `viewfinder --help` must not wait for an HTTP server."""
    if name not in _HOMES:
        raise AttributeError(f"module 'viewfinder' has no attribute {name!r}")
    return getattr(import_module(f"viewfinder.{_HOMES[name]}"), name)
