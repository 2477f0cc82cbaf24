"""The MLX engine: its options, and how it fails; that it answers is shown by `test_answers`."""

import json
import shutil
from pathlib import Path

import pytest

from viewfinder.catalog.catalog import ModelFiles
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.errors import EngineDied, EngineMissing
from viewfinder.core.paths import home as home_folder
from viewfinder.engines import mlx
from viewfinder.engines.mlx import Mlx
from viewfinder.gateway.tools import EngineRequest
from viewfinder.scenes.scene import make_scene

from .conftest import GLIMPSE, THINKS, OneEngine, make_server, user


@pytest.fixture(autouse=True)
def a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command is tested, whether this computer has a compiler or not."""
    monkeypatch.setattr(mlx, "_is_compiled_here", lambda: False)


def test_options_of_the_users_own_server_do_not_leak_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLX_VLM_DRAFT_MODEL", "APC_ENABLED", "KV_BITS", "MAX_KV_SIZE", "MLX_TRUST_REMOTE_CODE"):
        monkeypatch.setenv(name, "1")
    variant = OneEngine("mlx").get("glimpse").variants[0]
    settings = EngineSettings(context_tokens=1024)
    launch = Mlx().launch(variant, ModelFiles(tmp_path), settings, tmp_path / "a.sock")
    assert launch.model == str(tmp_path)
    assert not {"MLX_VLM_DRAFT_MODEL", "APC_ENABLED", "KV_BITS", "MAX_KV_SIZE"} & launch.environment.keys()
    assert launch.environment["MLX_TRUST_REMOTE_CODE"] == "false"
    assert launch.environment["MLX_VLM_MAX_NUM_SEQS"] == "1"
    assert launch.environment["MLX_VLM_MAX_TOKENS"] == "1024"


def test_compiled_kernels_are_kept_where_nobody_else_writes(tmp_path: Path) -> None:
    """MLX loads them from the folder for temporary files, by predictable names."""
    variant = OneEngine("mlx").get("glimpse").variants[0]
    launch = Mlx().launch(variant, ModelFiles(tmp_path), EngineSettings(), tmp_path / "a.sock")
    place = Path(launch.environment["TMPDIR"])
    assert place.is_relative_to(home_folder())
    assert place.stat().st_mode & 0o077 == 0


def test_without_a_compiler_it_is_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would answer with errors alone, with the reason only in its log."""
    monkeypatch.setattr(mlx, "_is_compiled_here", lambda: True)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    variant = OneEngine("mlx").get("glimpse").variants[0]
    with pytest.raises(EngineMissing, match=r"g\+\+"):
        Mlx().launch(variant, ModelFiles(tmp_path), EngineSettings(), tmp_path / "a.sock")


@pytest.mark.engines
@pytest.mark.timeout(900)
async def test_code_that_a_folder_names_is_not_run(tmp_path: Path) -> None:
    """mlx-vlm runs the file that config.json calls `model_file`, even when remote code is not trusted."""
    folder = tmp_path / "model"
    shutil.copytree(GLIMPSE, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_file": "evil.py"}))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nraise RuntimeError('ran')")
    server = make_server("mlx", folder)
    with pytest.raises(EngineDied, match="its card allows none"):
        await server.start()
    assert not (tmp_path / "ran").exists()

    trusted = make_server("mlx", folder, remote_code=True)
    with pytest.raises(EngineDied):
        await trusted.start()
    assert (tmp_path / "ran").exists()


@pytest.mark.engines
@pytest.mark.timeout(900)
async def test_each_token_has_its_probability() -> None:
    server = make_server("mlx")
    await server.start()
    try:
        body = {"messages": [user("Hello!")], "max_tokens": 3, "temperature": 0, "logprobs": True}
        reply = await server.client.complete({**body, "top_logprobs": 2})
        told = reply["choices"][0]["logprobs"]["content"]
        assert len(told) == 3
        assert all(token["logprob"] <= 0 and len(token["top_logprobs"]) == 2 for token in told)
    finally:
        await server.stop()


@pytest.mark.engines
@pytest.mark.timeout(900)
async def test_a_model_that_cannot_see_does_not_answer_about_images(blind: Path) -> None:
    """Its server would ignore the images silently."""
    server = make_server("mlx", blind)
    await server.start()
    try:
        body = {"messages": [user("Hello!")], "max_tokens": 9, "temperature": 0}
        assert (await server.client.exchange(body)).text
        body["messages"] = [user("Hello!", make_scene(1))]
        exchange = await server.client.exchange(body)
        assert exchange.error.startswith("engine_refused")
        assert exchange.text == ""
    finally:
        await server.stop()


@pytest.mark.engines
@pytest.mark.timeout(900)
async def test_a_template_gets_its_switch_for_thinking() -> None:
    server = make_server("mlx", chat_template=THINKS)
    await server.start()
    try:
        asked = {"messages": [user("Hello!")], "max_tokens": 3, "temperature": 0}
        prompts = []
        for enabled in (False, True):
            body = EngineRequest(
                "glimpse", {**asked, "enable_thinking": enabled}, server.client.endpoint
            ).body
            prompts.append((await server.client.complete(body))["usage"]["prompt_tokens"])
        assert prompts[0] < prompts[1]
    finally:
        await server.stop()
