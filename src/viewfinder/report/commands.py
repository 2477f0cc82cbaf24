"""The exact commands that run a model; called by `sections`, and by those who name
a command that continues the work."""

import json
import re
import shlex
from dataclasses import dataclass
from functools import cache

from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.uncarded import ENDPOINT, HUB_PREFIX, parse_reference
from viewfinder.client.chat import CHAT_PATH
from viewfinder.core.config import Settings
from viewfinder.core.errors import BadRequest
from viewfinder.measure.figures import Gate
from viewfinder.measure.results import ModelResult

_PICTURE = "photo.png"
_DATA_URL = f"data:image/png;base64,$(base64 < {_PICTURE} | tr -d '\\n')"
"""Expanded by the shell in the here-document: an argument could not hold a whole picture."""
_IN_ITS_PLACE = "DATA_URL"


@dataclass(frozen=True, slots=True)
class Commands:
    """How to run a model on the command line, as a server, over HTTP while that runs, and in Python.

    `sees`: they send the picture `photo.png`, which is the user's own. Every name in them comes from outside.
    """

    shell: str
    serve: str
    http: str
    python: str
    sees: bool


def commands(result: ModelResult) -> Commands:
    """An image is sent only to a model whose vision gate passed; the variant is the one that was measured."""
    vision = result.facts.gates["vision"]
    sees = isinstance(vision, Gate) and vision.passed
    question = "What is in this image?" if sees else "What can you do?"
    asked = f'{_PICTURE} "{question}"' if sees else f'"{question}"'
    word = _word(result)
    model = shlex.quote(word)
    is_running = result.engine == ENDPOINT
    settings = _settings(result) if is_running else ""
    variant = "" if is_running else f" --variant {shlex.quote(result.variant)}"
    parts = f'"{_PICTURE}", "{question}"' if sees else f'"{question}"'
    python = (
        "import viewfinder",
        "",
        f"with viewfinder.load({_literal(word)}, variant={_literal(result.variant)}) as model:",
        f"    print(model.ask({parts}))",
    )
    return Commands(
        shell="\n".join(
            (
                *((f"export {settings}",) if settings else ()),
                f"viewfinder ask {model} {asked}{variant}",
                bench_command(result, result.suite),
            )
        ),
        serve=f"{settings} viewfinder serve {model}{variant}".lstrip(),
        http=_http(result.model, question, sees=sees),
        python="\n".join(python),
        sees=sees,
    )


def bench_command(result: ModelResult, suite: str) -> str:
    """What measures this variant with a suite."""
    if result.engine == ENDPOINT:
        words = ["--endpoint", _root(result), result.model_id, "--suite", suite]
        if result.model_id.startswith("-"):  # it would be taken for an option
            words = ["--endpoint", _root(result), "--suite", suite, "--", result.model_id]
    else:
        words = [_word(result), "--suite", suite, "--variant", result.variant]
    return f"viewfinder bench {shlex.join(words)}"


def _word(result: ModelResult) -> str:
    """What names the model in every later command: a repository without a card of ours has no name there."""
    if result.engine == ENDPOINT or result.model in _carded():
        return result.model
    try:
        parse_reference(reference := f"{HUB_PREFIX}{result.model_id}")
    except BadRequest:  # files of the user's own, which `viewfinder.toml` names
        return result.model
    return reference


@cache
def _carded() -> frozenset[str]:
    return frozenset(Catalog().names())


def _settings(result: ModelResult) -> str:
    """Adds a running server to the settings of the commands that follow. A file in the working folder could
    not: whoever made the folder would say where pictures are sent."""
    server = {"base_url": _root(result), "model": result.model_id}
    return f"VIEWFINDER_ENDPOINTS={shlex.quote(json.dumps({result.model: server}))}"


def _root(result: ModelResult) -> str:
    return result.endpoint.removesuffix(CHAT_PATH)


def _literal(text: str) -> str:
    """A string as JSON and Python both write it."""
    return json.dumps(text, ensure_ascii=False)


def _http(model: str, question: str, *, sees: bool) -> str:
    """A request to the gateway's default address."""
    content: list[dict[str, object]] = [{"type": "text", "text": question}]
    if sees:
        content.append({"type": "image_url", "image_url": {"url": _IN_ITS_PLACE}})
    body = _literal_in_shell({"model": model, "messages": [{"role": "user", "content": content}]})
    if sees:
        start, _, end = body.rpartition(_IN_ITS_PLACE)
        body = f"{start}{_DATA_URL}{end}"
    host, port = (Settings.model_fields[name].default for name in ("host", "port"))
    url = f"http://{host}:{port}/v1/chat/completions"
    return "\n".join((f"curl -s {url} -H 'Content-Type: application/json' -d @- <<JSON", body, "JSON"))


def _literal_in_shell(body: dict[str, object]) -> str:
    """JSON as the here-document has it, in which the shell expands `$`, backticks and backslashes."""
    return re.sub(r"([\\$`])", r"\\\1", json.dumps(body, ensure_ascii=False))
