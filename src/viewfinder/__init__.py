"""Local vision-language models behind one OpenAI-compatible API, kept alive and honestly measured.

with viewfinder.load("glimpse") as model:
    print(model.ask("photo.jpg", "What is this?"))
"""

TYPE_CHECKING = False  # nothing is imported before Ctrl-C is handled, not even `typing`
if TYPE_CHECKING:
    from typing import Any

    from viewfinder.api.control import Control
    from viewfinder.api.decision import Decision
    from viewfinder.api.exporting import export, export_lmms_eval
    from viewfinder.api.measuring import bench, guide
    from viewfinder.api.model import Model, load
    from viewfinder.api.models import models, variants
    from viewfinder.api.pulling import PulledModel, pull
    from viewfinder.api.question import Clip
    from viewfinder.api.serving import Serving, serve
    from viewfinder.api.sorting.run import sort
    from viewfinder.core.config import Settings, load_settings
    from viewfinder.core.errors import ViewfinderError
    from viewfinder.fleet.listing import ModelLine, VariantLine

_HOMES = {
    name: home
    for home, names in {
        "api.control": ["Control"],
        "api.decision": ["Decision"],
        "api.exporting": ["export", "export_lmms_eval"],
        "api.measuring": ["bench", "guide"],
        "api.model": ["Model", "load"],
        "api.models": ["models", "variants"],
        "api.pulling": ["PulledModel", "pull"],
        "api.question": ["Clip"],
        "api.serving": ["Serving", "serve"],
        "api.sorting.run": ["sort"],
        "core.config": ["Settings", "load_settings"],
        "core.errors": ["ViewfinderError"],
        "fleet.listing": ["ModelLine", "VariantLine"],
    }.items()
    for name in names
}

__all__ = [
    "Clip",
    "Control",
    "Decision",
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
    "sort",
    "variants",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> "Any":
    """Import a public name at its first use: `viewfinder --help` must not wait for an HTTP server."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'viewfinder' has no attribute {name!r}")
    return getattr(import_module(f"viewfinder.{_HOMES[name]}"), name)
