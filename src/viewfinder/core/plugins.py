"""Loads what other packages add by an entry point; called by the registries of engines and of measures."""

from importlib.metadata import EntryPoint
from typing import Any

from viewfinder.core.errors import ViewfinderError


def load_plugin(point: EntryPoint) -> Any:
    """The object that an entry point names, or an instance when it names a class.

    Raises ViewfinderError `plugin_broken`, which names the package, when its code cannot be run.
    """
    try:
        loaded = point.load()
        return loaded() if isinstance(loaded, type) else loaded
    except Exception as error:  # it is another's code
        package = point.dist.name if point.dist else point.value
        raise ViewfinderError(
            f"'{point.name}' of the package {package} (entry point {point.group}: {point.value}) cannot be "
            f"loaded: {type(error).__name__}: {error}.",
            hint=f"Upgrade it: pip install --upgrade {package}. Or remove it: pip uninstall {package}",
            code="plugin_broken",
        ) from error
