"""An engine whose answers stand in a table, plugged in as a third party's would be."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from viewfinder.catalog.card import Variant
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.engines.base import Engine, Installed, Launch

CHILD = Path(__file__).parents[1] / "children" / "answers_by_table.py"
HELD_BYTES = 40 * 1024 * 1024
TOKEN_S = 0.004


class TableEngine(Engine):
    """See `tests/children/answers_by_table.py`; the variant's name is the behavior."""

    name = "table"
    install = "pip install nothing"

    def __init__(self, answers: Path) -> None:
        self.answers = answers

    def find(self) -> Installed:
        return Installed("1.2.3", CHILD)

    def launch(self, variant: Variant, files: object, settings: EngineSettings, socket: Path) -> Launch:
        options = {
            "socket": str(socket),
            "answers": str(self.answers),
            "behavior": variant.name,
            "held_bytes": HELD_BYTES,
            "token_s": TOKEN_S,
        }
        return Launch((sys.executable, str(CHILD), json.dumps(options)), dict(os.environ))


class Point:
    """An entry point, as a third party's package would declare it."""

    name = "table"

    def __init__(self, engine: TableEngine) -> None:
        self.load: Callable[[], TableEngine] = lambda: engine
