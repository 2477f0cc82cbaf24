"""The MLX engine: mlx-vlm's server app, hosted by `asgi_child` with `mlx_app`; called by the registry.

On Linux, MLX computes on one CPU core at about 4 billion operations a second, in single precision (so the
model takes up to twice the size of its files), and compiles a kernel with g++ when it first needs it.
"""

import contextlib
import functools
import importlib.metadata
import importlib.util
import shutil
import sys
from pathlib import Path

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.core import paths
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.errors import EngineMissing
from viewfinder.core.version import IN_THE_CHECKOUT, install_command
from viewfinder.engines import folder
from viewfinder.engines.base import Engine, Installed, Launch
from viewfinder.host.hardware import Machine

_APP = Path(__file__).with_name("mlx_app.py")
_MLX_VARIABLES = (
    "MLX_",
    "APC_",
    "KV_",
    "MAX_KV_SIZE",
    "QUANTIZED_KV_START",
    "PREFILL_STEP_SIZE",
    "EXPERT_CACHE_GB",
)
"""Prefixes of the variables that mlx-vlm's server takes options from."""
_UNSUPPORTED = frozenset({"prefill", "logit_bias"}) | (
    frozenset() if sys.platform == "darwin" else {"response_format"}
)
"""Request fields: grammars are applied by a Metal kernel; a bias is not checked against the vocabulary."""
_TAKES = {
    "top_k": "top_k",
    "min_p": "min_p",
    "typical_p": "typical_p",
    "repeat_penalty": "repetition_penalty",
    "enable_thinking": "enable_thinking",
    "reasoning_effort": "reasoning_effort",
}


class Mlx(Engine):
    name = "mlx"
    install = install_command("mlx") + IN_THE_CHECKOUT
    known_good = ">=0.7.10,<0.8"
    title = "MLX"
    libraries = ("mlx", "mlx-vlm", "transformers")
    loads_folder = True
    lacks = _UNSUPPORTED
    summary = "MLX is made for Apple silicon; it also runs on Linux, slowly."

    def rank(self, machine: Machine) -> int:
        return 10 if machine.apple_silicon else 30

    def find(self) -> Installed | None:
        return _find()

    def launch(self, variant: Variant, files: ModelFiles, settings: EngineSettings, socket: Path) -> Launch:
        if _is_compiled_here() and shutil.which("g++") is None:
            raise EngineMissing(
                "MLX compiles its kernels with g++, which is not installed.", hint="Install g++."
            )
        environment = {
            "MLX_TRUST_REMOTE_CODE": str(variant.remote_code).lower(),
            "MLX_VLM_MAX_TOKENS": str(settings.context_tokens),  # when a request names no limit
            # A concurrent request would get the temperature and seed of the first, and got garbage
            # (Blaizzy/mlx-vlm 1668).
            "MLX_VLM_MAX_NUM_SEQS": "1",
            "MLX_VLM_LOG_PROGRESS_INTERVAL": "0",
            "TOP_LOGPROBS_K": "20",
            # Compiled kernels are loaded from here, so it must be no folder that others can write to.
            "TMPDIR": str(paths.private(paths.home() / "mlx")),
        }
        return folder.launch(
            _APP,
            variant,
            files,
            settings,
            socket,
            without=_MLX_VARIABLES,
            environment=environment,
            lacks=self.lacks,
            takes=_TAKES,
        )


@functools.cache
def _find() -> Installed | None:
    found = folder.find("mlx-vlm", "mlx_vlm", "mlx", "fastapi", "uvicorn")
    runtime = importlib.util.find_spec("mlx")
    if found is None or runtime is None:
        return None
    # On Linux, "mlx" alone contains no library that computes: mlx-cpu or mlx-cuda does.
    folders = runtime.submodule_search_locations or []
    return found if any(any(Path(one).glob("lib/libmlx*")) for one in folders) else None


@functools.cache
def _is_compiled_here() -> bool:
    """Whether this is MLX for the CPU on Linux: Metal and CUDA have compilers of their own."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return bool(importlib.metadata.version("mlx-cpu"))
    return False
