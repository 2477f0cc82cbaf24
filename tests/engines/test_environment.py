"""Engines, wardens and decoders get what they need of our environment, and none of its keys.

Issue 13, row 11: `VIEWFINDER_API_KEY` was in the engine's environment.
"""

import os
from pathlib import Path

import psutil
import pytest

from tests.faults.gateway import gateway, picture
from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import Catalog, ModelFiles
from viewfinder.core.config import Settings
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.engines.environment import inherited, may_pass, passed_on
from viewfinder.engines.llama_cpp import LlamaCpp
from viewfinder.engines.mlx import Mlx
from viewfinder.engines.transformers import Transformers

KEYS = (
    "VIEWFINDER_API_KEY",
    "VIEWFINDER_ENDPOINT_KEY",
    "HF_TOKEN",
    "HUGGINGFACE_HUB_TOKEN",
    "OPENAI_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "GITHUB_TOKEN",
    "CUDA_LICENSE_KEY",
    "PGPASSWORD",
    "SSH_AUTH_SOCK",
    "https_proxy",
    "DATABASE_URL",
    "MY_OWN",
)
NEEDED = (
    "PATH",
    "HOME",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
    "GOMP_CPU_AFFINITY",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "PYTHONPATH",
    "XDG_CACHE_HOME",
    "MALLOC_ARENA_MAX",
    "GGML_CUDA_ENABLE_UNIFIED_MEMORY",
)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.setenv(name, "a secret of ours")


def test_what_passes_and_what_does_not() -> None:
    assert [name for name in NEEDED if not may_pass(name)] == []
    assert [name for name in (*KEYS, "VIEWFINDER_ENDPOINTS__MINE__API_KEY") if may_pass(name)] == []


def test_no_engine_gets_a_key(keys: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    variant = Variant(name="v", engine="mlx", repo="a/b", vision=True, text=True)
    files = ModelFiles(tmp_path)
    for engine in (LlamaCpp(), Mlx(), Transformers()):
        launch = engine.launch(variant, files, EngineSettings(), tmp_path / "a.sock")
        assert "a secret of ours" not in launch.environment.values()
        assert launch.environment["OMP_NUM_THREADS"] == "3"
        assert launch.environment["PATH"] == os.environ["PATH"]


def test_a_third_partys_engine_gets_what_it_sets_and_states(
    keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE_HOME", "/mine")
    given = {**os.environ, "ENGINE_KEY": "its own", "MY_OWN": "set by it"}
    passed = passed_on(given)
    assert (passed["ENGINE_KEY"], passed["MY_OWN"]) == ("its own", "set by it")
    assert "a secret of ours" not in passed.values()
    assert "MINE_HOME" not in passed
    assert passed_on(given, ("MINE_", "OPENAI_API_KEY", "VIEWFINDER_API_KEY")).keys() - passed.keys() == {
        "MINE_HOME",
        "OPENAI_API_KEY",
    }


def test_none_of_the_list_is_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", "/models")
    assert inherited()["HF_HOME"] == "/models"
    assert "HF_HOME" not in inherited(without=("HF_",))


async def test_a_running_engine_its_warden_and_the_decoder_have_no_key(keys: None) -> None:
    """In the environments that the kernel shows."""
    settings = Settings(port=0, api_key=None)
    async with gateway(Catalog(), settings) as running:
        assert (await running.ask("glimpse", "What color is it?", picture("red"))).status == 200
        processes = psutil.Process().children(recursive=True)
        commands = {process.pid: " ".join(process.cmdline()) for process in processes}
        for part in ("warden.py", "llama_cpp_child.py", "media.decoder"):
            assert any(part in command for command in commands.values()), commands
        for process in processes:
            assert "a secret of ours" not in process.environ().values(), commands[process.pid]
            assert process.environ()["PATH"] == os.environ["PATH"]
