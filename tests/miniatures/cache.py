"""Builds the miniatures once, again when a builder or a library changes; called by `tests/conftest`."""

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

from . import glimpse

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
ENGINE_PATH = HERE / "engine_path"
LIBRARIES = ("gguf", "mlx", "mlx-vlm", "numpy")
BUILD_S = 600


def miniature_home(keep: Path) -> Path:
    """The folder for `HF_HOME`, built below `keep` when it is not there yet; older ones go."""
    home = keep / _key()
    with FileLock(keep / "lock"):
        if not home.exists():
            for old in keep.glob("*/"):
                shutil.rmtree(old)
            _build(unfinished := keep / "unfinished")
            unfinished.rename(home)
    return home


def environment(home: Path) -> dict[str, str]:
    """What the process of an engine needs to find the miniatures, and to load Phi-3.5's."""
    paths = (str(ENGINE_PATH), os.environ.get("PYTHONPATH", ""))
    return {
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }


def _build(home: Path) -> None:
    home.mkdir()
    paths = map(str, (ENGINE_PATH, REPOSITORY, REPOSITORY / "src"))
    subprocess.run(
        [sys.executable, "-m", "tests.miniatures", str(home)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        timeout=BUILD_S,
        check=True,
    )


def _key() -> str:
    """A name made from builders, weights and libraries: it changes when one of them does."""
    digest = hashlib.sha256("".join(f"{name}={version(name)};" for name in LIBRARIES).encode())
    builders = (file for file in HERE.rglob("*.py") if not file.name.startswith(("test_", "conftest")))
    for file in sorted((*builders, *glimpse.FILES.rglob("*.*"))):
        if file.is_file():
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
