"""The transformers engine: the app of `transformers serve`, hosted by `asgi_child` with `transformers_app`.

Called by the registry. Nothing is quantized or compiled: it is the reference that others are compared with.
"""

import functools
from pathlib import Path

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.core.config import EngineSettings
from viewfinder.engines import folder
from viewfinder.engines.base import Found, Launch

APP = Path(__file__).with_name("transformers_app.py")
LACKS = frozenset(
    {"presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "response_format", "tool_choice"}
)
"""`frequency_penalty` is taken, but for another one that multiplies."""


class Transformers:
    """See `base.Engine`."""

    name = "transformers"
    install = "pip install 'viewfinder[transformers]'"
    known_good = ">=5.23,<5.24"

    def find(self) -> Found | None:
        return _find()

    def launch(self, variant: Variant, files: ModelFiles, settings: EngineSettings, socket: Path) -> Launch:
        return folder.launch(
            APP,
            variant,
            files,
            settings,
            socket,
            without=("ACCELERATE_",),
            environment={},
            model=".",
            lacks=LACKS,
        )


@functools.cache
def _find() -> Found | None:
    needed = ("torch", "accelerate", "fastapi", "openai", "uvicorn")
    return folder.find("transformers", "transformers", *needed)
