"""The transformers engine: how it fails; that it answers is shown by `test_answers`."""

import json
import shutil
from pathlib import Path

import psutil
import pytest

from viewfinder.core.errors import EngineDied
from viewfinder.gateway.tools import EngineRequest

from .conftest import GLIMPSE, THINKS, make_server, user

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]


async def test_a_folder_whose_name_holds_an_at_sign(tmp_path: Path) -> None:
    """Its server takes the part after "@" for a revision, and some companies' home folders contain one."""
    folder = tmp_path / "me@work"
    shutil.copytree(GLIMPSE, folder)
    server = make_server("transformers", folder)
    await server.start()
    socket, pids = server.client.endpoint.socket, server.child.pids()
    try:
        assert socket is not None
        assert socket.stat().st_mode & 0o077 == 0
        reply = await server.client.complete({"messages": [user("Hello!")], "max_tokens": 3})
        assert reply["usage"]["completion_tokens"] == 3
    finally:
        await server.stop()
    assert not any(map(psutil.pid_exists, pids))


async def test_a_load_that_fails_says_why(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(GLIMPSE, folder)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(EngineDied, match=r"exited with code 1.*The model was not loaded: "):
        await make_server("transformers", folder).start()


async def test_a_model_that_cannot_see_is_not_served_as_one_that_can(blind: Path) -> None:
    """Its server would ignore the images silently."""
    with pytest.raises(EngineDied, match="the folder contains no image processor"):
        await make_server("transformers", blind).start()
    words_only = make_server("transformers", blind, vision=False)
    await words_only.start()
    try:
        body = {"messages": [user("Hello!")], "max_tokens": 9, "temperature": 0}
        assert (await words_only.client.exchange(body)).text
    finally:
        await words_only.stop()


async def test_code_that_a_folder_names_is_not_run(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(GLIMPSE, folder)
    config = json.loads((folder / "config.json").read_text())
    asked = {"model_type": "glimpse_own", "auto_map": {"AutoConfig": "evil.Config"}}
    (folder / "config.json").write_text(json.dumps(config | asked))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(EngineDied):
        await make_server("transformers", folder).start()
    assert not (tmp_path / "ran").exists()


async def test_a_template_gets_its_switch_for_thinking() -> None:
    server = make_server("transformers", chat_template=THINKS)
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
