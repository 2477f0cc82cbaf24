"""The tests' own engine, added by an entry point as a third party's is.

A model's repository says its fault and when it is on: "hangs/always". With "socket-stolen" it can only listen
on TCP. A file "manner.json" beside the model's says how it answers (see `faulty_server`).
"""

import json
import secrets
import sys
from pathlib import Path

from pydantic import SecretStr

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.engines.base import Engine, Installed, Launch
from viewfinder.host.listeners import free_port

SERVER = Path(__file__).with_name("faulty_server.py")


class Faulty(Engine):
    """See `viewfinder.engines.base.Engine`."""

    name = "faulty"
    install = "pip install faulty-engine"
    known_good = "==1.0"

    def find(self) -> Installed:
        return Installed("1.0", SERVER.parent)

    def launch(self, variant: Variant, files: ModelFiles, settings: EngineSettings, socket: Path) -> Launch:
        fault, when = variant.repo.split("/")
        options: dict[str, object] = {"socket": str(socket), "fault": fault, "when": when}
        # A model's file is what it knows, and its memory is the folder around it.
        options |= {"truths": str(files.model), "memory": str(files.model.parent)}
        manner = files.model.parent / "manner.json"
        options |= json.loads(manner.read_text()) if manner.exists() else {}
        port, key = None, None
        if fault == "socket-stolen":
            port, key = free_port(), secrets.token_urlsafe()
            options["port"] = port
        return Launch(
            (sys.executable, str(SERVER), json.dumps(options)),
            {} if key is None else {"ENGINE_KEY": key},
            model="its own name",
            port=port,
            api_key=None if key is None else SecretStr(key),
        )
