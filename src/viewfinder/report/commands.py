"""The exact commands that run a model; called by the template of the guide."""

import json
import shlex
from dataclasses import dataclass

from viewfinder.catalog.uncarded import ENDPOINT
from viewfinder.client.chat import CHAT_PATH
from viewfinder.core.config import Settings
from viewfinder.measure.figures import Gate
from viewfinder.measure.results import ModelResult

_PICTURE = "photo.png"
_DATA_URL = f"data:image/png;base64,$(base64 < {_PICTURE} | tr -d '\\n')"
"""Expanded by the shell in the here-document: an argument could not hold a whole picture."""


@dataclass(frozen=True, slots=True)
class Commands:
    """How to run a model on the command line, over HTTP and in Python."""

    shell: str
    http: str
    python: str


def commands(result: ModelResult) -> Commands:
    """An image is sent only to a model whose vision gate passed; the variant is the one that was measured."""
    vision = result.facts.gates["vision"]
    sees = isinstance(vision, Gate) and vision.passed
    question = "What is in this image?" if sees else "What can you do?"
    model, variant = shlex.quote(result.model), f"--variant {shlex.quote(result.variant)}"
    asked = f'{_PICTURE} "{question}"' if sees else f'"{question}"'
    bench = bench_command(result, result.suite)
    if result.engine == ENDPOINT:
        root = result.endpoint.removesuffix(CHAT_PATH)
        shell = [
            "cat >> viewfinder.toml <<TOML",
            f"[endpoints.{json.dumps(result.model)}]",
            f"base_url = {json.dumps(root)}",
            f"model = {json.dumps(result.model_id)}",
            "TOML",
            f"viewfinder ask {model} {asked}",
            bench,
        ]
    else:
        shell = [
            f"viewfinder serve {model} {variant}",
            f"viewfinder ask {model} {asked} {variant}",
            bench,
        ]
    parts = f'"{_PICTURE}", "{question}"' if sees else f'"{question}"'
    python = (
        "import viewfinder",
        "",
        f"with viewfinder.load({json.dumps(result.model)}, variant={json.dumps(result.variant)}) as model:",
        f"    print(model.ask({parts}))",
    )
    return Commands("\n".join(shell), _http(result.model, question, sees=sees), "\n".join(python))


def bench_command(result: ModelResult, suite: str) -> str:
    """What measures this variant with a suite."""
    if result.engine == ENDPOINT:
        root = result.endpoint.removesuffix(CHAT_PATH)
        words = ["--endpoint", root, result.model_id, "--suite", suite]
    else:
        words = [result.model, "--suite", suite, "--variant", result.variant]
    return f"viewfinder bench {shlex.join(words)}"


def _http(model: str, question: str, *, sees: bool) -> str:
    """A request to the gateway's default address."""
    content: list[dict[str, object]] = [{"type": "text", "text": question}]
    if sees:
        content.append({"type": "image_url", "image_url": {"url": "DATA_URL"}})
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": content}]})
    host, port = (Settings.model_fields[name].default for name in ("host", "port"))
    url = f"http://{host}:{port}/v1/chat/completions"
    return "\n".join(
        (
            f"curl -s {url} -H 'Content-Type: application/json' -d @- <<JSON",
            body.replace("DATA_URL", _DATA_URL),
            "JSON",
        )
    )
