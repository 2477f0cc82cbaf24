"""An engine that names the color of a picture: it lives outside the package, added by an entry point."""

import os
import sys
from pathlib import Path

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.engines.base import Engine, Installed, Launch
from viewfinder.host.hardware import Machine

SERVER = Path(__file__).with_name("third_party_server.py")


class Painter(Engine):
    name, title = "painter", "The Painter"
    install = "pip install third-party-engine"
    libraries = ("starlette",)

    def rank(self, machine: Machine) -> int:
        return 40  # after ours, before engines that state no rank

    def find(self) -> Installed:
        return Installed("1.0", SERVER.parent)

    def launch(self, variant: Variant, files: ModelFiles, settings: EngineSettings, socket: Path) -> Launch:
        return Launch((sys.executable, str(SERVER), str(files.model), str(socket)), os.environ, slots=1)
