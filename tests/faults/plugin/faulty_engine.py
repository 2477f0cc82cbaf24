"""The tests' own engine, added by an entry point as a third party's is.

A model's repository says its fault and when it is on: "hangs/always".
"""

import json
import sys
from pathlib import Path

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.core.config import EngineSettings
from viewfinder.engines.base import Found, Launch

SERVER = Path(__file__).with_name("faulty_server.py")


class Faulty:
    """See `viewfinder.engines.base.Engine`."""

    name = "faulty"
    install = "pip install faulty-engine"
    known_good = "==1.0"

    def find(self) -> Found:
        return Found("1.0", SERVER.parent)

    def launch(self, variant: Variant, files: ModelFiles, settings: EngineSettings, socket: Path) -> Launch:
        fault, when = variant.repo.split("/")
        options = {"socket": str(socket), "fault": fault, "when": when}
        # A model's file is what it knows, and its memory is the folder around it.
        options |= {"truths": str(files.model), "memory": str(files.model.parent)}
        return Launch((sys.executable, str(SERVER), json.dumps(options)), {}, model="its own name")
