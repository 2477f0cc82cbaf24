"""Runs a client's script in its environment and reads its lines; called by `test_clients`."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients.row import ENVIRONMENTS, HERE, Client
from viewfinder.catalog.catalog import Catalog

PASSED_ON = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR", "OPENBLAS_CORETYPE", "TMPDIR")
"""Of our environment: no key, no proxy and no setting of a client's is among them."""

QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "HF_HUB_OFFLINE": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "NO_COLOR": "1",
    "AI_SDK_LOG_WARNINGS": "false",
}
"""Nothing is fetched, and nothing is written beside the code."""

LAST_CHARS = 2000
TOKENIZER = "viewfinder/glimpse"
"""What glimpse's tokenizer is called in the hub's cache of a client."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a script printed: each check with whether it passed and what it said."""

    checks: Mapping[str, tuple[bool, str]]
    version: str
    ending: str
    """The last words of its other output, for a person."""


def run(client: Client, url: str, image: Path, home: Path) -> Outcome:
    """Run all checks of a client against the gateway at `url`; `home` is the client's own home."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    try:
        done = subprocess.run(
            _command(client),
            env={**kept, **QUIET, **_places(url, image, home)},
            cwd=home,
            capture_output=True,
            text=True,
            timeout=client.timeout_s,
            check=False,
        )
        out, err = done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        out, err = _text(late.stdout), f"{_text(late.stderr)}\nnot done after {client.timeout_s:g} s"
    lines = [line for line in map(_line, out.splitlines()) if line]
    checks = {line["check"]: (line["ok"], line["said"]) for line in lines}
    return Outcome(checks, version_of(client), (out + err)[-LAST_CHARS:])


def _places(url: str, image: Path, home: Path) -> dict[str, str]:
    """Where the script finds what it needs. Offline, some take a tokenizer from a hub's cache only."""
    folder = home / "hf" / "hub" / f"models--{TOKENIZER.replace('/', '--')}"
    commit = 40 * "0"
    for part in ("refs", "snapshots"):
        (folder / part).mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    variants = Catalog().card("glimpse").variants
    weights = next(variant for variant in variants if variant.engine == "transformers")
    (folder / "snapshots" / commit).symlink_to(Catalog().resolve(weights).model)
    return {
        "HOME": str(home),
        "HF_HOME": str(home / "hf"),
        "CLIENT_URL": url,
        "CLIENT_IMAGE": str(image),
        "CLIENT_TOKENIZER": TOKENIZER,
    }


def version_of(client: Client) -> str:
    """The installed version of the client's package."""
    if client.is_npm:
        manifest = HERE / client.environment / "node_modules" / client.package / "package.json"
        return str(json.loads(manifest.read_text())["version"])
    ask = f"from importlib.metadata import version; print(version({client.package!r}))"
    return subprocess.run(
        [str(_python(client)), "-c", ask], capture_output=True, text=True, check=True
    ).stdout.strip()


def _command(client: Client) -> list[str]:
    script = "use_" + client.name.replace("-", "_")
    if client.is_npm:
        return [_node(client), str(HERE / client.environment / f"{script}.mjs")]
    return [str(_python(client)), str(HERE / "scripts" / f"{script}.py")]


def _python(client: Client) -> Path:
    python = ENVIRONMENTS / client.environment / "bin" / "python"
    if not python.exists():
        pytest.fail(f"{client.name} is not here; run: make test-clients CLIENTS={client.environment}")
    return python


def _node(client: Client) -> str:
    """The Node that its package.json brings, where there is one for this computer, or that of the PATH."""
    modules = HERE / client.environment / "node_modules"
    if not modules.exists():
        pytest.fail(f"{client.name} is not here; run: make test-clients CLIENTS={client.environment}")
    brought = next(modules.glob("node-*/bin/node"), None)
    return str(brought or shutil.which("node") or pytest.fail("there is no node on the PATH"))


def _line(text: str) -> dict[str, Any] | None:
    if not text.startswith('{"check"'):
        return None
    line: dict[str, Any] = json.loads(text)
    return line


def _text(output: bytes | str | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""
