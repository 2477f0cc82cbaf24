"""What an engine must tell about itself; each engine is one file beside this one.

Implemented by `llama_cpp` and by third parties' entry points; called by `fleet/server`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.core.config import EngineSettings

SHARES_CORES = {"GOMP_SPINCOUNT": "300"}
"""For an engine's environment: threads that have nothing to do spin for a moment, then sleep. Spinning on,
as they do otherwise, they take the cores from each other as soon as anything else wants one; asleep at once,
they wake too late on an idle machine (measured in benchmarks/notes.md)."""


@dataclass(frozen=True, slots=True)
class Found:
    """An engine that is installed here."""

    version: str
    place: Path


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start one server process of an engine: it must listen on the Unix socket it was given.

    One that can only listen on TCP does so at 127.0.0.1 on `port`, which `host/listeners.free_port` gave, and
    answers no request without `api_key`, made at each launch (`secrets.token_urlsafe`). The engine gets that
    by its environment: every user can read a command line.

    `health` is the path that answers 200 once the model is ready, and 503 or nothing before. `model` is
    what requests must call the model; None: the server answers by any name. `version` is that of the
    program where it is another than the one that `find` found. `slots` is how many requests it may be
    asked at once; None: as many as come, it lets them wait itself. `lacks` are the fields of a request
    that it would leave out or get wrong: the gateway refuses them.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    health: str = "/health"
    model: str | None = None
    version: str = ""
    slots: int | None = None
    lacks: frozenset[str] = frozenset()
    port: int | None = None
    api_key: SecretStr | None = None


class Engine(Protocol):
    """A program that runs a model behind an OpenAI-compatible API."""

    name: str
    install: str
    """The one line that installs it."""
    known_good: str
    """The versions that it was tried with, as pip writes them (">=0.7,<0.8")."""

    def find(self) -> Found | None:
        """Whether it is installed, without importing or starting it (called by `fleet` and `models`)."""
        ...

    def launch(self, variant: Variant, files: ModelFiles, settings: EngineSettings, socket: Path) -> Launch:
        """The command for one model (called by `fleet/server` at each start)."""
        ...
