"""The llama.cpp engine: its HTTP server from the xllamacpp wheel, hosted by `llama_cpp_child`.

A native `llama-server` runs in its place if the settings name one. Called by the registry.
"""

import functools
import importlib.metadata
import importlib.util
import json
import sys
from pathlib import Path

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.core.check import Check
from viewfinder.core.engine_settings import OPTIONS, EngineSettings
from viewfinder.core.paths import expanded
from viewfinder.engines import llama_cpp_checks, llama_cpp_log, llama_server, llama_server_args
from viewfinder.engines.base import Engine, Installed, Launch
from viewfinder.host.hardware import Machine

_CHILD = Path(__file__).with_name("llama_cpp_child.py")
CONTEXT_STEP = 256
"""llama.cpp rounds the context of a slot up to a multiple of it."""


class LlamaCpp(Engine):
    name = "llama.cpp"
    install = "pip install xllamacpp"
    known_good = ">=2026.10.11549"
    libraries = ("xllamacpp",)
    options = frozenset(OPTIONS)
    summary = "llama.cpp comes with the base install."
    comes_with_viewfinder = True

    def rank(self, machine: Machine) -> int:
        return 20 if machine.apple_silicon else 10

    def remark(self, machine: Machine) -> str:
        return "`viewfinder doctor` reports whether it uses the NVIDIA card" if machine.nvidia else ""

    def checks(self, installed: Installed, machine: Machine) -> list[Check]:
        return llama_cpp_checks.checks(self.name, installed.version, machine)

    def version(self, settings: EngineSettings) -> str:
        if settings.llama_server is not None:
            return llama_server.version(expanded(settings.llama_server))
        return super().version(settings)

    def unusable(self, settings: EngineSettings) -> dict[str, str]:
        return llama_server_args.unusable(settings)

    def reason(self, log: str) -> str:
        return llama_cpp_log.reason(log) or super().reason(log)

    def blames_files(self, reason: str) -> bool:
        return llama_cpp_log.is_of_the_files(reason)

    def find(self) -> Installed | None:
        return _find()

    def context_tokens(self, variant: Variant, settings: EngineSettings) -> int:
        """Each slot gets what is configured, in whole steps, but no more than the model was trained for."""
        configured = -(-settings.context_tokens // CONTEXT_STEP) * CONTEXT_STEP
        return min(configured, variant.context_tokens or configured)

    def launch(self, variant: Variant, files: ModelFiles, settings: EngineSettings, socket: Path) -> Launch:
        options = {
            "model": str(files.model),
            "mmproj": str(files.mmproj) if files.mmproj else "",
            "chat_template": variant.chat_template or "",
            "socket": str(socket),
            "context_tokens": settings.context_tokens * settings.slots,
            "slots": settings.slots,
            "threads": settings.threads,
            "image_tokens": settings.image_tokens,
            **settings.model_dump(include=set(OPTIONS)),
        }
        if settings.llama_server is not None:
            return llama_server.launch(expanded(settings.llama_server), options)
        # -P keeps the child's folder off sys.path: a file of ours must never shadow a library.
        argv = (sys.executable, "-P", str(_CHILD), json.dumps(options))
        return Launch(
            argv,
            llama_server.environment(settings.threads),
            queues_in_order=True,
            slots_path=llama_server.SLOTS_PATH,
            template_path=llama_server.TEMPLATE_PATH,
            count_path=llama_server.COUNT_PATH,
            takes=llama_server.TAKES,
            completion_path=llama_server.COMPLETION_PATH,
            decision_path=llama_server.DECISION_PATH,
        )


@functools.cache
def _find() -> Installed | None:
    spec = importlib.util.find_spec("xllamacpp")
    if spec is None or spec.origin is None:
        return None
    return Installed(importlib.metadata.version("xllamacpp"), Path(spec.origin).parent)
