"""Watching and controlling a real `viewfinder serve`, as a user or a service manager does."""

import base64
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from viewfinder.catalog.catalog import Catalog
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.scene import make_scene

from .conftest import PATIENCE_S, VIEWFINDER, Served, at_a_terminal, run, serving

FILES = Catalog().resolve(Catalog().get("glimpse").variants[0])
MINE = f'[models.mine]\nmodel = "{FILES.model}"\nmmproj = "{FILES.mmproj}"\n'


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("config") / "viewfinder.toml"
    file.write_text(MINE)
    return file


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory, config: Path) -> Iterator[Served]:
    """One server with two models, both from glimpse's files, and its own settings file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIEWFINDER_CONFIG", str(config))
        words = ("--port", "0", "--access-log", "on", "glimpse")
        with serving(tmp_path_factory.mktemp("operated"), *words) as running:
            yield running


@pytest.fixture
def vf(operated: Served, config: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return run(*words, home=operated.home, VIEWFINDER_CONFIG=str(config))

    return command


@pytest.fixture
def look(vf: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[[], dict[str, Any]]:
    """Each model's row of `ps --json`."""

    def rows() -> dict[str, Any]:
        return {one["model"]: one for one in json.loads(vf("ps", "--json").stdout)["servers"]}

    return rows


def until(true: Callable[[], Any]) -> Any:
    give_up_s = time.monotonic() + PATIENCE_S / 2
    while not (value := true()):
        assert time.monotonic() < give_up_s
        time.sleep(0.05)
    return value


def ask(
    url: str, model: str = "glimpse", key: str = "", content: object = "Hello!", *, stream: bool = False
) -> int:
    """The status of one request."""
    message = {"role": "user", "content": content}
    body = {"model": model, "messages": [message], "max_tokens": 3, "stream": stream}
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:  # noqa: S310
            reply.read()
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code


def metric(url: str, name: str, **labels: str) -> float:
    with urllib.request.urlopen(f"{url}/metrics", timeout=PATIENCE_S) as reply:  # noqa: S310
        text = reply.read().decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def test_ps_shows_what_is_up(vf, look, operated: Served) -> None:
    assert ask(operated.url) == 200
    row = look()["glimpse"]
    assert row["state"] == "ready"
    assert psutil.Process(row["pid"]) in operated.tree
    shown = vf("ps")
    assert shown.returncode == 0
    assert re.search(r"glimpse +ready", shown.stdout)
    assert "llama.cpp" in shown.stdout


def test_ps_watches_until_ctrl_c(operated: Served) -> None:
    with at_a_terminal(operated.home, "ps", "--watch") as (process, screen):
        said = b""
        while said.count(b"planned") < 2:  # the first look, and one more
            said += screen.read(4096)
        screen.write(b"\x03")
        assert process.wait(PATIENCE_S) == 0


def test_stop_and_load(vf, look, operated: Served) -> None:
    assert ask(operated.url) == 200
    pid = look()["glimpse"]["pid"]
    stopped = vf("stop", "viewfinder/glimpse")
    assert (stopped.returncode, stopped.stdout) == (0, "glimpse is unloaded.\n")
    assert not psutil.pid_exists(pid)
    assert look().get("glimpse", {"state": "stopped"})["state"] == "stopped"
    loaded = vf("load", "glimpse", "--pin")
    assert (loaded.returncode, loaded.stdout) == (0, "glimpse is up and pinned.\n")
    row = look()["glimpse"]
    assert (row["state"], row["pinned"]) == ("ready", True)
    assert vf("unpin", "glimpse").returncode == 0
    assert look()["glimpse"]["pinned"] is False


@pytest.mark.parametrize("words", [("stop", "nonesuch"), ("load", "nonesuch"), ("pin", "nonesuch")])
def test_an_unknown_model_is_reported(vf, words: tuple[str, ...]) -> None:
    refused = vf(*words)
    assert refused.returncode == 2
    assert "no model named 'nonesuch'" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("words", [("ps",), ("stop", "glimpse"), ("load", "glimpse"), ("unpin", "glimpse")])
def test_without_a_server_the_command_that_starts_it_is_shown(home: Path, words: tuple[str, ...]) -> None:
    refused = run(*words, home=home)
    assert refused.returncode == 1
    assert "(not_running)" in refused.stderr
    assert "Start it: viewfinder serve" in refused.stderr


def test_logs_follow_a_restart_and_outlive_the_serve(vf, operated: Served, config: Path) -> None:
    assert ask(operated.url) == 200
    following = subprocess.Popen(
        [*VIEWFINDER, "logs", "glimpse", "-f", "-n", "1"],
        env={**os.environ, "VIEWFINDER_HOME": str(operated.home), "VIEWFINDER_CONFIG": str(config)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert following.stdout is not None
    try:
        assert following.stdout.readline()  # from now on it follows
        vf("stop", "glimpse")
        vf("load", "glimpse")
        assert any("loading the llama.cpp library" in line for line in following.stdout)
        following.send_signal(signal.SIGINT)
        assert following.wait(PATIENCE_S) == 0
    finally:
        following.kill()
        following.wait()
        following.stdout.close()
    last = run("logs", "glimpse", "-n", "2", home=operated.home)
    assert (last.returncode, len(last.stdout.splitlines())) == (0, 2)


def test_a_kill_is_counted_reported_and_repaired(vf, look, operated: Served) -> None:
    assert ask(operated.url) == 200
    deaths = metric(operated.url, "viewfinder_deaths_total", model="glimpse")
    loads = metric(operated.url, "viewfinder_loads_total", model="glimpse")
    before = look()["glimpse"]
    psutil.Process(before["pid"]).kill()
    until(lambda: metric(operated.url, "viewfinder_deaths_total", model="glimpse") > deaths)
    assert ask(operated.url) == 200
    assert metric(operated.url, "viewfinder_loads_total", model="glimpse") > loads
    assert metric(operated.url, "viewfinder_server_state", model="glimpse", state="ready") == 1
    assert look()["glimpse"]["deaths"] > before["deaths"]
    events = [json.loads(line) for line in vf("events", "--json").stdout.splitlines()]
    death = next(event for event in reversed(events) if event["kind"] == "death")
    assert "signal 9, SIGKILL" in death["details"]["explanation"]
    post_mortem = json.loads(Path(death["details"]["post_mortem"]).read_text())
    assert post_mortem["exit"]["signal"] == 9
    assert "glimpse" in post_mortem["model"]


def test_sighup_restarts_only_the_model_that_the_change_concerns(
    look, operated: Served, config: Path
) -> None:
    assert ask(operated.url) == ask(operated.url, "mine") == 200
    before = look()
    config.write_text(MINE + '[engine_for.mine]\nslots = 1\n[fleet]\npinned = ["glimpse"]\n')
    operated.process.send_signal(signal.SIGHUP)
    until(lambda: not psutil.pid_exists(before["mine"]["pid"]))
    assert ask(operated.url, "mine") == 200
    after = look()
    assert after["mine"]["pid"] != before["mine"]["pid"]
    assert after["glimpse"]["pid"] == before["glimpse"]["pid"]
    assert after["glimpse"]["state"] == "ready"
    until(lambda: look()["glimpse"]["pinned"])


def test_a_changed_file_is_seen_and_a_wrong_one_changes_nothing(look, operated: Served, config: Path) -> None:
    assert ask(operated.url) == 200
    pid = look()["glimpse"]["pid"]
    config.write_text('api_key = "secret"\n[limits]\ntext_bytes = 50\n' + MINE)
    until(lambda: ask(operated.url) == 401)
    assert ask(operated.url, key="secret") == 413  # its request is longer
    config.write_text('api_key = "other"\n[engine]\nslots = 0\n')
    operated.process.send_signal(signal.SIGHUP)
    assert ask(operated.url, key="secret") == 413
    config.write_text(MINE)
    until(lambda: ask(operated.url) == 200)
    until(lambda: not look()["glimpse"]["pinned"])
    assert look()["glimpse"]["pid"] == pid


def lines_of(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_the_access_log_can_be_rotated_and_reloads_are_events(vf, operated: Served, config: Path) -> None:
    log = operated.home / "logs" / "access.jsonl"
    assert log.stat().st_mode & 0o077 == 0
    renamed = log.rename(log.with_name("access.jsonl.yesterday"))
    operated.process.send_signal(signal.SIGHUP)
    until(lambda: [ask(operated.url, key="sesame"), log.exists()][1])
    assert ask(operated.url, stream=True) == 200
    last = until(lambda: next((line for line in lines_of(log) if line["ttft_ms"]), None))
    assert (last["model"], last["status"], last["completion_tokens"]) == ("glimpse", 200, 3)
    assert last["prompt_tokens"] == lines_of(log)[0]["prompt_tokens"] > 0  # though the client wanted no usage
    assert renamed.read_text().count('"status":200') > 1
    assert "sesame" not in log.read_text() + renamed.read_text()
    config.write_text("[limits]\nimages = 5\n" + MINE)
    operated.process.send_signal(signal.SIGHUP)
    until(lambda: metric(operated.url, "viewfinder_reloads_total", outcome="applied") > 0)
    config.write_text("[engine]\nslots = 0\n" + MINE)
    operated.process.send_signal(signal.SIGHUP)
    until(lambda: metric(operated.url, "viewfinder_reloads_total", outcome="refused") > 0)
    config.write_text(MINE)
    shown = vf("events", "-n", "100").stdout
    assert re.search(r"reload +The settings were read again, and hold: .*limits\.images", shown)
    assert re.search(r"reload +The settings were not read again\. .*engine\.slots", shown)


def test_new_limits_leave_no_decoder_process_behind(operated: Served, config: Path) -> None:
    """Each reload that changed [limits] left the decoder process of the limits before, until exit."""
    picture = base64.b64encode(encode_png(make_scene("reload", things=1))).decode()
    url = {"url": f"data:image/png;base64,{picture}"}
    content = [{"type": "image_url", "image_url": url}, {"type": "text", "text": "What is it?"}]
    for pixels, status in ((5_000_000, 200), (10, 400), (6_000_000, 200)):
        config.write_text(f"[limits]\npixels = {pixels}\n" + MINE)
        operated.process.send_signal(signal.SIGHUP)
        until(lambda status=status: ask(operated.url, content=content) == status)
    decoders = [one for one in operated.tree if "viewfinder.media.decoder" in one.cmdline()]
    assert len(decoders) == 1
