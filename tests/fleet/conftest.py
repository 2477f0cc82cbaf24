"""Server processes of real and of failing programs, and the folders that they need."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import Catalog, ModelFiles
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.paths import log_folder, run_folder
from viewfinder.engines.base import Engine, Installed, Launch
from viewfinder.engines.llama_cpp import LlamaCpp
from viewfinder.fleet.process.life import Launcher
from viewfinder.fleet.process.restart import RestartPolicy
from viewfinder.fleet.process.server import ServerProcess

CHILDREN = Path(__file__).parent.parent / "children"


class Program(Engine):
    """An engine that is one of the tests' own programs: what it does at its start is its name."""

    install = "pip install program"

    def __init__(self, *argv: str, installed: bool = True, name: str = "program", version: str = "1") -> None:
        self.argv = argv
        self.name, self.version_here = name, version
        self.installed = installed
        self.starts = 0

    def find(self) -> Installed | None:
        return Installed(self.version_here, CHILDREN) if self.installed else None

    def launch(self, variant: Variant, files: ModelFiles, settings: EngineSettings, socket: Path) -> Launch:
        self.starts += 1
        script, *rest = self.argv
        return Launch((sys.executable, str(CHILDREN / script), *rest), {})


Make = Callable[..., ServerProcess]


@pytest.fixture
def make_server() -> Make:
    def make(engine: Engine | None = None, deaths: int = 2, **settings: object) -> ServerProcess:
        catalog = Catalog()
        card = catalog.get("glimpse")
        variant = card.variants[0]
        return ServerProcess(
            Launcher(
                card,
                variant,
                catalog.resolve(variant),
                engine or LlamaCpp(),
                EngineSettings.model_validate(settings),
                run_folder=run_folder(),
                log_file=log_folder() / f"{card.name}.log",
            ),
            RestartPolicy(deaths=deaths),
        )

    return make
