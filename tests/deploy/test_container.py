"""deploy/Dockerfile and deploy/compose.yaml: what they say; and where docker is, `make soak` builds it."""

import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from viewfinder.core.config import load_settings
from viewfinder.gateway.listen import is_loopback

ROOT = Path(__file__).parents[2]
DOCKERFILE, COMPOSE = ROOT / "deploy" / "Dockerfile", ROOT / "deploy" / "compose.yaml"
USER = "10001:10001"
IN_THE_BASE = re.compile(r"lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|z)\.so\.\d|ld-linux.*|linux-vdso.*")
"""Of debian:trixie-slim: what apt itself needs."""
PACKAGES = {"libgomp.so.1": "libgomp1"}


def instructions() -> Iterator[tuple[str, str]]:
    """Each instruction of the Dockerfile and its words, on one line."""
    lines = (line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#"))
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if line.strip():
            name, _, words = line.partition(" ")
            yield name, words.strip()


def all_of(instruction: str) -> list[str]:
    return [words for name, words in instructions() if name == instruction]


def environment() -> dict[str, str]:
    return dict(word.split("=", 1) for words in all_of("ENV") for word in shlex.split(words))


def composed() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return document


def service() -> dict[str, Any]:
    one: dict[str, Any] = composed()["services"]["viewfinder"]
    return one


def test_it_is_built_of_what_is_in_the_checkout_and_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source for words in all_of("COPY") if not words.startswith("--from") for source in words.split()[:-1]
    }
    assert copied == allowed
    assert all((ROOT / source).exists() for source in copied)
    project = (ROOT / "pyproject.toml").read_text()
    for needed in re.findall(r'^readme = "(.*)"$|license-files = \["(.*)"\]', project, re.M):
        assert "".join(needed) in copied


def test_nothing_runs_as_root_and_layers_keep_no_lists() -> None:
    names = [name for name, _ in instructions()]
    last = len(names) - 1 - names[::-1].index("FROM")
    assert [words for name, words in [*instructions()][last:] if name == "USER"] == [USER]
    assert "ADD" not in names
    for run in all_of("RUN"):
        if "apt-get install" in run:
            assert "--no-install-recommends" in run
            assert "rm -rf /var/lib/apt/lists/*" in run
        if "pip install" in run:
            assert "--no-cache-dir" in run
            assert "--constraint constraints.txt" in run
    assert all(":" in base and not base.endswith(":latest") for base in all_of("FROM"))


def test_its_variables_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (environment() | service()["environment"]).items():
        if name.startswith("VIEWFINDER_") and name != "VIEWFINDER_HOME":
            monkeypatch.setenv(name, value)
    settings = load_settings()
    assert not is_loopback(settings.host)
    assert (settings.port, settings.strict_port, settings.access_log) == (8080, True, "-")
    assert all_of("EXPOSE") == [str(settings.port)]


def test_what_it_writes_is_in_its_volumes() -> None:
    volumes = json.loads(all_of("VOLUME")[0])
    for name in ("HOME", "HF_HOME", "VIEWFINDER_HOME"):
        assert environment()[name].startswith(tuple(volumes))
    assert [one.split(":")[1] for one in service()["volumes"]] == volumes
    assert [one.split(":")[0] for one in service()["volumes"]] == [*composed()["volumes"]]


def test_it_has_few_rights_and_is_for_this_computer_until_somebody_opens_it() -> None:
    one = service()
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert one["init"] is True
    assert all(port.startswith("127.0.0.1:") for port in one["ports"])
    assert not {"privileged", "network_mode", "pid", "ipc", "cap_add"} & {*one}
    assert one["mem_limit"] == one["memswap_limit"]
    assert not any("KEY" in name for name in one["environment"])
    context = (COMPOSE.parent / one["build"]["context"]).resolve()
    assert (context, context / one["build"]["dockerfile"]) == (ROOT, DOCKERFILE)


def test_answers_have_the_time_to_finish() -> None:
    drain_s = load_settings().fleet.drain_s
    assert int(service()["stop_grace_period"].removesuffix("s")) >= 2 * drain_s
    assert all_of("STOPSIGNAL") == ["SIGTERM"]


@pytest.mark.skipif(shutil.which("ldd") is None, reason="no ldd here")
def test_the_libraries_that_the_engine_needs_are_installed() -> None:
    """llama.cpp needs libgomp, which a slim image does not have; built without it, no model starts."""
    files = [
        str(file.locate())
        for file in metadata.files("xllamacpp") or ()
        if re.search(r"\.so(\.\d+)*$", file.name)
    ]
    said = subprocess.run(["ldd", *files], capture_output=True, text=True, check=True).stdout
    needed = {line.split()[0].rpartition("/")[2] for line in said.splitlines() if line.startswith("\t")}
    ours = {Path(file).name for file in files}
    others = {name for name in needed - ours if not IN_THE_BASE.fullmatch(name)}
    installed = all_of("RUN")[-1].split()
    assert {PACKAGES[name] for name in others} <= {*installed}
    assert others


async def test_the_health_check_tells_a_gateway_from_none(start, monkeypatch: pytest.MonkeyPatch) -> None:
    (check,) = all_of("HEALTHCHECK")
    command = json.loads(check.partition("CMD ")[2])
    assert command[0] == "python3"
    gateway = await start(api_key="needed elsewhere")

    async def status(port: int) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command[1:],
            env={**os.environ, "VIEWFINDER_PORT": str(port)},
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await process.wait()

    assert await status(gateway.bound.port) == 0
    gateway.stop.set()
    await asyncio.wait([gateway.serving])
    assert await status(gateway.bound.port) == 1


def has_docker() -> bool:
    found = shutil.which("docker") is not None
    return found and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


@pytest.mark.soak
def test_it_is_built_and_becomes_healthy() -> None:
    """With the restrictions of compose.yaml, as `docker run` has them."""
    if not has_docker():
        pytest.skip("no docker daemon here")
    subprocess.run(["docker", "build", "-f", DOCKERFILE, "-t", "viewfinder-test", ROOT], check=True)
    rights = ("--read-only", "--init", "--cap-drop=ALL", "--security-opt=no-new-privileges")
    started = subprocess.run(
        ["docker", "run", "-d", *rights, "--tmpfs", "/tmp", "-e", "VIEWFINDER_API_KEY=k", "viewfinder-test"],
        capture_output=True,
        text=True,
        check=True,
    )
    container = started.stdout.strip()
    try:
        state = ["docker", "inspect", "-f", "{{.State.Health.Status}}", container]
        give_up_s = time.monotonic() + 120
        while subprocess.run(state, capture_output=True, text=True, check=True).stdout.strip() != "healthy":
            assert time.monotonic() < give_up_s
            time.sleep(1)
        who = subprocess.run(
            ["docker", "exec", container, "id", "-u"], capture_output=True, text=True, check=True
        )
        assert who.stdout.strip() == USER.partition(":")[0]
    finally:
        subprocess.run(["docker", "rm", "-f", "-v", container], check=True)
