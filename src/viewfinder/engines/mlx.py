"""The MLX engine: mlx-vlm's server app, hosted by `asgi_child` with `mlx_app`; called by the registry.

On Linux, MLX computes on one core of the CPU at about 4 billion operations a second, in single precision
(so the model takes up to twice its files' size), and compiles its kernels with g++ when it first needs them.
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
from viewfinder.core.config import EngineSettings
from viewfinder.core.errors import EngineMissing
from viewfinder.engines import folder
from viewfinder.engines.base import Engine, Installed, Launch
from viewfinder.host.hardware import Machine

APP = Path(__file__).with_name("mlx_app.py")
WITHOUT = ("MLX_", "APC_", "KV_", "MAX_KV_SIZE", "QUANTIZED_KV_START", "PREFILL_STEP_SIZE", "EXPERT_CACHE_GB")
"""Where mlx-vlm's server takes options from."""
LACKS = frozenset() if sys.platform == "darwin" else frozenset({"response_format"})
"""Its grammars are applied by a Metal kernel."""


class Mlx(Engine):
    name = "mlx"
    install = "pip install 'viewfinder[mlx]'"
    known_good = ">=0.7.10,<0.8"
    title = "MLX"
    libraries = ("mlx", "mlx-vlm", "transformers")
    summary = "MLX is made for Apple silicon; it also runs on Linux, slowly."

    def rank(self, machine: Machine) -> int:
        return 10 if machine.apple_silicon else 30

    def find(self) -> Installed | None:
        return _find()

    def launch(self, variant: Variant, files: ModelFiles, settings: EngineSettings, socket: Path) -> Launch:
        if _is_compiled_here() and shutil.which("g++") is None:
            raise EngineMissing("MLX compiles its kernels with g++, and there is none.", hint="Install g++.")
        environment = {
            "MLX_TRUST_REMOTE_CODE": str(variant.remote_code).lower(),
            "MLX_VLM_MAX_TOKENS": str(settings.context_tokens),  # when a request names no limit
            # A second request would be answered with the first one's temperature and seed, and has been
            # answered with garbage (Blaizzy/mlx-vlm 1668).
            "MLX_VLM_MAX_NUM_SEQS": "1",
            "MLX_VLM_LOG_PROGRESS_INTERVAL": "0",
            "TOP_LOGPROBS_K": "20",
            # Compiled kernels are loaded from here: never from a folder that others may write to.
            "TMPDIR": str(paths.private(paths.home() / "mlx")),
        }
        return folder.launch(
            APP, variant, files, settings, socket, without=WITHOUT, environment=environment, lacks=LACKS
        )


@functools.cache
def _find() -> Installed | None:
    found = folder.find("mlx-vlm", "mlx_vlm", "mlx", "fastapi", "uvicorn")
    runtime = importlib.util.find_spec("mlx")
    if found is None or runtime is None:
        return None
    # On Linux "mlx" alone holds no computing library: that is in mlx-cpu or mlx-cuda.
    places = runtime.submodule_search_locations or []
    return found if any(any(Path(place).glob("lib/libmlx*")) for place in places) else None


@functools.cache
def _is_compiled_here() -> bool:
    """Whether it is MLX for the CPU of Linux: Metal and CUDA bring compilers of their own."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return bool(importlib.metadata.version("mlx-cpu"))
    return False
