"""A folder with all that it takes to see a found trouble again: the pictures, the requests, the versions and
what to type. Named by `steadiness`, written by `trial`."""

import base64
import json
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from viewfinder.catalog.uncarded import ENDPOINT
from viewfinder.client.chat import CHAT_PATH
from viewfinder.core.config import Settings
from viewfinder.core.version import VERSION
from viewfinder.measure.measures.stability.result import Stability
from viewfinder.measure.prompts import body
from viewfinder.measure.results import ModelResult
from viewfinder.measure.troubles.pictures import messages
from viewfinder.measure.troubles.trouble import Code, Step, Trouble

FOLDER = "reproducers"
_REPRODUCIBLE = (Code.PREV_IMAGE, Code.FROZEN_IMAGE, Code.CROSS_REQUEST, Code.SECOND_CALL_ERROR)


def named(troubles: Sequence[Trouble], run: str, model: str) -> tuple[Trouble, ...]:
    """The same troubles, where it makes sense with the folder that shows them; one a code."""
    taken: set[Code] = set()
    found = []
    for trouble in troubles:
        if trouble.code in _REPRODUCIBLE and trouble.code not in taken:
            taken.add(trouble.code)
            name = "-".join(re.sub(r"[^\w.]+", "-", word) for word in (run, model, trouble.code.value))
            found.append(trouble.model_copy(update={"reproducer": f"{FOLDER}/{name}"}))
        else:
            found.append(trouble)
    return tuple(found)


def write(result: ModelResult, state: Path) -> list[Path]:
    """Write the folders that the result names, into that of the state; give them."""
    troubles = result.stability.troubles if isinstance(result.stability, Stability) else ()
    folders = []
    for trouble in troubles:
        if trouble.reproducer:
            folder = state / trouble.reproducer
            folder.mkdir(parents=True, exist_ok=True)
            _write(folder, result, trouble)
            folders.append(folder)
    return folders


def _write(folder: Path, result: ModelResult, trouble: Trouble) -> None:
    model = result.model_id if result.engine == ENDPOINT else result.model
    for number, step in enumerate(trouble.steps, start=1):
        request = body(model, messages(step.scene, step.question, broken=step.how == "broken"))
        if step.how == "left":
            request["stream"] = True
        (folder / f"request-{number}.json").write_text(json.dumps(request), encoding="utf-8")
        for kind, data in _pictures(request["messages"]):
            (folder / f"image-{number}.{kind}").write_bytes(data)
    versions = {
        "viewfinder": VERSION,
        **result.model_dump(include={"model", "model_id", "variant", "quantization", "engine"}),
        **result.model_dump(include={"engine_version", "fingerprint", "run", "measured_at", "machine"}),
    }
    (folder / "versions.json").write_text(json.dumps(versions, indent=1) + "\n", encoding="utf-8")
    (folder / "trouble.json").write_text(trouble.model_dump_json(indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(_readme(result, trouble), encoding="utf-8")


def _pictures(sent: Iterable[dict[str, object]]) -> Iterable[tuple[str, bytes]]:
    for message in sent:
        content = message["content"]
        for part in content if isinstance(content, list) else ():
            if part["type"] == "image_url":
                head, _, data = part["image_url"]["url"].partition(",")
                yield re.findall(r"image/(\w+)", head)[0], base64.b64decode(data)


def _readme(result: ModelResult, trouble: Trouble) -> str:
    said = [
        f"# {trouble.code.value}: {result.title} ({result.variant})",
        "",
        f"Seen in run {result.run}: {trouble.rate.events} of {trouble.rate.asked} requests."
        if trouble.rate
        else f"Seen in run {result.run}.",
        f"Request {len(trouble.steps)} was answered '{trouble.said}' where '{trouble.expected}' was due.",
        "",
        *(f"{number}. {_what(step)}" for number, step in enumerate(trouble.steps, start=1)),
        "",
        *_serve(result),
        "Send them from within this folder, to a process that has answered nothing before:",
        "",
        "```sh",
        *_requests(result, trouble),
        "```",
    ]
    if trouble.together:
        said += ["", "They must meet: where they do not, send them again."]
    if any(step.how == "broken" for step in trouble.steps):
        said += ["", "A gateway refuses the broken image itself: send that request to the engine."]
    return "\n".join((*said, ""))


def _what(step: Step) -> str:
    shown = {"broken": "an image that is none"}.get(
        step.how, f"scene {step.scene}" if step.scene else "no image"
    )
    left = "; the client leaves at the first words" if step.how == "left" else ""
    return f"{shown}: '{' '.join(step.question.split())[-80:]}'{left}"


def _serve(result: ModelResult) -> list[str]:
    """How to start it, if that is ours to do; without its canary, which would be the first to show images."""
    if result.engine == ENDPOINT:
        return []
    serve = f"viewfinder serve {shlex.quote(result.model)} --variant {shlex.quote(result.variant)}"
    return ["In a terminal of its own:", "", "```sh", f"VIEWFINDER_FLEET__CANARY=false {serve}", "```", ""]


def _requests(result: ModelResult, trouble: Trouble) -> list[str]:
    host, port = (Settings.model_fields[name].default for name in ("host", "port"))
    gateway = f"http://{host}:{port}{CHAT_PATH}"
    url = result.endpoint if result.engine == ENDPOINT else gateway
    lines = []
    for number, step in enumerate(trouble.steps, start=1):
        line = f"curl -sN {shlex.quote(url)} -H 'Content-Type: application/json'"
        line += f" --data-binary @request-{number}.json"
        if step.how == "left":
            line += " | head -c 300"
        lines.append(f"{line} &" if trouble.together else f"{line}; echo")
    return [*lines, "wait"] if trouble.together else lines
