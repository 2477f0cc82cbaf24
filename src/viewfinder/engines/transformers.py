"""The transformers engine: the app of `transformers serve`, hosted by `asgi_child` with `transformers_app`.

Called by the registry. Nothing is quantized or compiled: the other engines are compared with this one.
"""

from pathlib import Path

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.version import IN_THE_CHECKOUT, install_command
from viewfinder.engines import folder
from viewfinder.engines.base import Engine, Installed, Launch
from viewfinder.host.hardware import Machine

_APP = Path(__file__).with_name("transformers_app.py")
_UNSUPPORTED = frozenset(
    {
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
        "top_logprobs",
        "response_format",
        "tool_choice",
        "prefill",
        "logit_bias",
    }
)
"""Request fields; `frequency_penalty` is accepted, and taken for another penalty, which multiplies, and one
token of `logit_bias` that is not in the vocabulary fails the request."""
_TAKES = {
    "enable_thinking": "chat_template_kwargs.enable_thinking",
    "reasoning_effort": "chat_template_kwargs.reasoning_effort",
}


class Transformers(Engine):
    name = "transformers"
    install = install_command("transformers") + IN_THE_CHECKOUT
    known_good = ">=5.23,<5.24"
    libraries = ("torch", "transformers")
    loads_folder = True
    lacks = _UNSUPPORTED
    summary = (
        "transformers runs the publishers' own weights, and was the slowest where it was measured, "
        "on a Linux processor."
    )

    def rank(self, machine: Machine) -> int:
        return 30 if machine.apple_silicon else 20

    def find(self) -> Installed | None:
        needed = ("torch", "accelerate", "fastapi", "openai", "uvicorn")
        return folder.find("transformers", "transformers", *needed)

    def launch(self, variant: Variant, files: ModelFiles, settings: EngineSettings, socket: Path) -> Launch:
        return folder.launch(
            _APP,
            variant,
            files,
            settings,
            socket,
            without=("ACCELERATE_",),
            model=".",
            lacks=self.lacks,
            takes=_TAKES,
        )
