"""All engines by name: ours and those of entry points; called by `fleet`, which is handed one.

A third party adds an engine by an entry point of the group `viewfinder.engines` that names an
object or a class without arguments that is an `Engine`.
"""

import functools
from importlib.metadata import entry_points

from viewfinder.core.errors import EngineMissing
from viewfinder.engines.base import Engine, Found
from viewfinder.engines.endpoint import Endpoint
from viewfinder.engines.llama_cpp import LlamaCpp
from viewfinder.engines.mlx import Mlx
from viewfinder.engines.transformers import Transformers

GROUP = "viewfinder.engines"


@functools.cache
def engines() -> dict[str, Engine]:
    """Every known engine; a third party's cannot take the name of one of ours.

    Read once: looking through all installed packages takes milliseconds, and every request asks.
    """
    known: dict[str, Engine] = {}
    for point in entry_points(group=GROUP):
        loaded = point.load()
        known[point.name] = loaded() if isinstance(loaded, type) else loaded
    ours: tuple[Engine, ...] = (LlamaCpp(), Mlx(), Transformers(), Endpoint())
    return known | {engine.name: engine for engine in ours}


def engine_named(name: str) -> Engine:
    """The engine of this name; EngineMissing when nobody provides it."""
    known = engines()
    if name not in known:
        raise EngineMissing(
            f"No engine is called '{name}'.", hint=f"Known engines: {', '.join(sorted(known))}."
        )
    return known[name]


def require(engine: Engine) -> Found:
    """The installed engine; EngineMissing with the line that installs it when it is not there."""
    found = engine.find()
    if found is None:
        raise EngineMissing(f"The engine '{engine.name}' is not installed.", hint=f"Run: {engine.install}")
    return found
