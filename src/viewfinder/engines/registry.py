"""All engines by name: ours and those of entry points; called by the rooms above.

A third party adds an engine by an entry point of the group `viewfinder.engines` that names an `Engine`: the
class, which takes no arguments, or an object. One of ours is a line in `OURS`.
"""

import functools
from importlib.metadata import entry_points
from typing import Any, cast

from viewfinder.core.errors import EngineMissing
from viewfinder.core.plugins import load_plugin
from viewfinder.engines.base import Engine, Installed
from viewfinder.engines.llama_cpp import LlamaCpp
from viewfinder.engines.mlx import Mlx
from viewfinder.engines.running_server import RunningServerEngine
from viewfinder.engines.transformers import Transformers

GROUP = "viewfinder.engines"
OURS: tuple[Engine, ...] = (LlamaCpp(), Mlx(), Transformers(), RunningServerEngine())


@functools.cache
def engines() -> dict[str, Engine]:
    """Every known engine; a third party's cannot take the name of one of ours.

    Raises ViewfinderError when one cannot be loaded: a model might silently run on another engine without it.
    Read once: looking through all installed packages takes milliseconds, and every request asks.
    """
    known: dict[str, Engine] = {}
    for point in entry_points(group=GROUP):
        known[point.name] = _with_defaults(load_plugin(point))
    return known | {engine.name: engine for engine in OURS}


def _with_defaults(engine: Any) -> Engine:
    """A third party's engine that does not inherit from `Engine`, with the defaults of what it leaves out."""
    for fact, default in vars(Engine).items():
        if not fact.startswith("_") and not hasattr(engine, fact):
            bind = getattr(default, "__get__", None)
            setattr(engine, fact, bind(engine) if bind else default)
    return cast(Engine, engine)


def engine_named(name: str) -> Engine:
    """The engine of this name; raises EngineMissing when there is none."""
    known = engines()
    if name not in known:
        raise EngineMissing(
            f"No engine is called '{name}'.", hint=f"Known engines: {', '.join(sorted(known))}."
        )
    return known[name]


def require(engine: Engine) -> Installed:
    """The installed engine; raises EngineMissing with the line that installs it when it is not there."""
    installed = engine.find()
    if installed is None:
        raise EngineMissing(f"The engine '{engine.name}' is not installed.", hint=f"Run: {engine.install}")
    return installed
