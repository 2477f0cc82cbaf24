"""A server process from its start to its end, on the real engine and on programs that fail."""

import asyncio
import shutil
import signal
from pathlib import Path

import psutil
import pytest

from tests.catalog.gguf_maker import copy_in_parts
from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import Catalog, ModelFiles
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.errors import EngineDied, EngineMissing, EngineStalled, ModelFilesError
from viewfinder.core.paths import run_folder
from viewfinder.engines.base import Launch
from viewfinder.scenes.messages import image_message
from viewfinder.scenes.scene import make_scene

from ..conftest import Make, Program


async def test_a_real_engine_starts_answers_and_ends(make_server: Make) -> None:
    server = make_server()
    phases: list[str] = []
    await server.start(phases.append)
    pids = server.child.pids()
    assert phases == ["spawned", "listening", "ready"]
    assert list(server.phases_s) == ["spawned", "listening", "ready"]
    assert 0 < server.phases_s["spawned"] < server.phases_s["listening"] <= server.phases_s["ready"]
    assert server.state == "ready"
    assert server.child.pid in pids
    body = {"messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 3, "temperature": 0}
    reply = await server.client.complete(body)
    assert reply["usage"]["completion_tokens"] >= 1

    await server.stop()
    assert server.state == "stopped"
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert list(run_folder().glob("*.sock")) == []


@pytest.mark.parametrize(
    "options",
    [
        {"cache_type": "q8_0", "flash_attention": "on"},
        {"flash_attention": "off", "batch": 64, "micro_batch": 32, "gpu_layers": "all"},
    ],
)
async def test_options_of_the_engine_leave_the_answers_as_they_are(
    make_server: Make, options: dict[str, object]
) -> None:
    server = make_server(context_tokens=512, **options)
    await server.start()
    scene = make_scene("canary/1", things=2, longest=(224, 256))
    messages = [image_message(scene, "What color is the circle?")]
    reply = await server.client.complete({"messages": messages, "max_tokens": 8, "temperature": 0})
    (circle,) = [thing for thing in scene.things if thing.shape == "circle"]
    assert circle.color in reply["choices"][0]["message"]["content"].lower()
    await server.stop()


async def test_an_option_that_the_engine_does_not_have_is_ignored_and_named(
    make_server: Make, caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server(Program("exits_with_code.py", "3"), deaths=1, cache_type="q8_0", batch=64)
    with pytest.raises(EngineDied):
        await server.start()
    assert "glimpse runs on program, which has no setting for cache_type, batch: " in caplog.text


async def test_a_model_in_parts_and_an_oddly_named_projector_are_served(
    make_server: Make, tmp_path: Path
) -> None:
    files = Catalog().resolve(Catalog().get("glimpse").variant())
    assert files.mmproj is not None
    parts = copy_in_parts(files.model, tmp_path, 20)
    shutil.copy(files.mmproj, tmp_path / "a-vision-f16.gguf")
    catalog = Catalog()
    (variant,) = catalog.add(str(tmp_path)).variants
    server = make_server()
    server._launcher.variant, server._launcher.files = variant, catalog.resolve(variant)
    assert server._launcher.files.all == [*parts, tmp_path / "a-vision-f16.gguf"]
    await server.start()
    body = {"messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 3, "temperature": 0}
    assert (await server.client.complete(body))["usage"]["completion_tokens"] >= 1
    await server.stop()


async def test_the_socket_is_the_owners_alone(make_server: Make) -> None:
    server = make_server()
    await server.start()
    try:
        socket = server.client.endpoint.socket
        assert socket is not None
        assert socket.stat().st_mode & 0o077 == 0
        assert socket.parent.stat().st_mode & 0o077 == 0
    finally:
        await server.stop()


async def test_it_can_be_started_again(make_server: Make) -> None:
    server = make_server()
    await server.start()
    first = server.child.pid
    await server.stop()
    await server.start()
    assert server.child.pid != first
    await server.stop()
    await server.stop()


@pytest.mark.parametrize(("limit", "set_to", "told"), [(1, 0, 1), (0, 0, 0), (1, 3, 3)])
async def test_an_engine_is_told_how_many_threads_the_container_allows(
    make_server: Make, monkeypatch: pytest.MonkeyPatch, limit: int, set_to: int, told: int
) -> None:
    """Its default took 1.56 times as long under a quota of one core. A setting counts more."""
    monkeypatch.setattr("viewfinder.fleet.process.life.thread_limit", lambda: limit)
    seen = []

    class Engine(Program):
        def launch(
            self, variant: Variant, files: ModelFiles, settings: EngineSettings, socket: Path
        ) -> Launch:
            seen.append(settings.threads)
            return super().launch(variant, files, settings, socket)

    server = make_server(Engine("exits_with_code.py", "7"), deaths=1, threads=set_to)
    with pytest.raises(EngineDied):
        await server.start()
    assert seen == [told]


async def test_a_build_for_another_cpu_is_said_and_not_tried_again(make_server: Make) -> None:
    """A Vulkan build of llama-server died of SIGILL on another CPU: "model failed" helped nobody."""
    program = Program("dies_by_signal.py", str(int(signal.SIGILL)))
    server = make_server(program, deaths=3)
    with pytest.raises(EngineDied, match="this build needs another CPU"):
        await server.start()
    assert program.starts == 1
    assert server.state == "failed"


async def test_a_start_that_fails_is_tried_again_and_then_explained(make_server: Make) -> None:
    program = Program("exits_with_code.py", "7")
    server = make_server(program, deaths=2)
    with pytest.raises(EngineDied, match="exited with code 7") as raised:
        await server.start()
    assert program.starts == 2
    assert "glimpse.log" in raised.value.hint


async def test_silence_ends_a_start(make_server: Make) -> None:
    program = Program("sleeps.py")
    server = make_server(program, deaths=1, start_timeout_s=0.3)
    with pytest.raises(EngineStalled, match=r"made no progress for 0\.3 s"):
        await server.start()
    assert server.child.exit is not None


async def test_an_engine_that_is_not_installed_names_the_line_that_mends_it(make_server: Make) -> None:
    server = make_server(Program("sleeps.py", installed=False))
    with pytest.raises(EngineMissing, match="pip install program"):
        await server.start()


async def test_a_known_issue_of_the_version_is_refused_before_anything_starts(make_server: Make) -> None:
    """mlx-vlm 0.4.0 fails at every second image to LLaVA-NeXT: better no server than a broken one."""
    program = Program("sleeps.py", name="mlx", version="0.4.0")
    server = make_server(program)
    server._launcher.variant = server.variant.model_copy(update={"model_type": "llava_next"})
    with pytest.raises(
        EngineMissing, match=r"mlx 0\.4\.0 has a known issue.*0\.4\.1.*second image"
    ) as raised:
        await server.start()
    assert "pip install --upgrade 'mlx-vlm>=0.4.1'" in raised.value.hint
    assert raised.value.reason == "known_issue"
    assert program.starts == 0


async def test_last_words_that_are_known_bring_their_remedy(make_server: Make) -> None:
    program = Program("dies_by_signal.py", str(int(signal.SIGILL)), name="llama.cpp")
    server = make_server(program, deaths=1)
    with pytest.raises(EngineDied) as raised:
        await server.start()
    assert "pip install --force-reinstall --no-cache-dir xllamacpp" in raised.value.hint
    assert "glimpse.log" in raised.value.hint


async def test_a_damaged_model_that_passed_the_check_is_explained(make_server: Make, tmp_path: Path) -> None:
    """llama.cpp refuses it: its own error is shown, not "Failed to init server", and it is not retried."""
    server = make_server(deaths=3)
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(b"GGUF" + b"\0" * 64)
    server._launcher.files = ModelFiles(damaged, None)
    with pytest.raises(ModelFilesError, match="cannot load the files of 'glimpse'") as raised:
        await server.start()
    assert "Failed to init" not in str(raised.value)
    assert "Its whole log is" in raised.value.hint
    assert (raised.value.reason, server.starts, server.state) == ("engine_refused_files", 1, "failed")


async def test_a_projector_that_only_the_engine_can_judge_is_not_tried_again(
    make_server: Make, tmp_path: Path
) -> None:
    """Our check lets a type pass that it does not know; five starts would all end alike."""
    server = make_server(deaths=3)
    files = server._launcher.files
    server._launcher.files = ModelFiles(files.model, files.model)
    with pytest.raises(ModelFilesError, match=r"llama\.cpp cannot load the files") as raised:
        await server.start()
    assert "CLIP" in raised.value.message
    assert server.starts == 1


async def test_who_is_condemned_is_doomed_before_its_owner_says_so(make_server: Make) -> None:
    """Its owner needs a moment, in which a replay was granted the very process that had failed."""
    server = make_server()
    await server.start()
    assert not server.is_ending
    server.kill(EngineStalled("It makes no progress."))
    assert (server.state, server.is_ending) == ("ready", True)
    while server.state == "ready":  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert server.state == "failed"


async def test_a_sentence_that_comes_too_late_does_not_meet_the_next_life(make_server: Make) -> None:
    """The check of a process that had just died killed the next one."""
    server = make_server()
    await server.start()
    psutil.Process(server.child.pid).kill()
    await server.child.wait()
    server.quarantine("wrong")
    while server.state == "ready":  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await server.start()
    assert (server.state, server.is_ending) == ("ready", False)
    await server.stop()
