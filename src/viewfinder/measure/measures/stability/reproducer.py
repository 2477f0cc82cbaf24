"""A folder with everything that reproduces a trouble: the pictures, the requests, the versions and the
commands. `find` names it, `session` writes it."""

import base64
import json
import re
import shlex
from collections.abc import Iterable, Sequence

from viewfinder.catalog.uncarded import ENDPOINT
from viewfinder.client.chat import CHAT_PATH
from viewfinder.core.config import Settings
from viewfinder.core.version import VERSION
from viewfinder.measure.measures.base import ResultHeader
from viewfinder.measure.measures.stability.result import Stability
from viewfinder.measure.prompts import body
from viewfinder.measure.troubles.pictures import messages
from viewfinder.measure.troubles.trouble import MIX_UPS, Code, Step, Trouble

_FOLDER = "reproducers"
_REPRODUCIBLE = (*MIX_UPS, Code.SECOND_CALL_ERROR)
_VERSIONS = set(ResultHeader.model_fields) - {"title", "endpoint", "suite"}


def named(troubles: Sequence[Trouble], run: str, model: str) -> tuple[Trouble, ...]:
    """The same troubles; the first of each reproducible code gets the name of a folder."""
    taken: set[Code] = set()
    found = []
    for trouble in troubles:
        if trouble.code in _REPRODUCIBLE and trouble.code not in taken:
            taken.add(trouble.code)
            name = "-".join(re.sub(r"[^\w.]+", "-", word) for word in (run, model, trouble.code.value))
            found.append(trouble.model_copy(update={"reproducer": f"{_FOLDER}/{name}"}))
        else:
            found.append(trouble)
    return tuple(found)


def files(result: Stability, header: ResultHeader) -> dict[str, bytes]:
    """Every file of the troubles' folders, by its path in the state folder."""
    return {
        f"{trouble.reproducer}/{name}": content
        for trouble in result.troubles
        if trouble.reproducer
        for name, content in _folder(header, trouble).items()
    }


def _folder(header: ResultHeader, trouble: Trouble) -> dict[str, bytes]:
    model = header.model_id if header.engine == ENDPOINT else header.model
    found: dict[str, bytes] = {}
    for number, step in enumerate(trouble.steps, start=1):
        request = body(model, messages(step.scene, step.question, broken=step.how == "broken"))
        if step.how == "left":
            request["stream"] = True
        found[f"request-{number}.json"] = json.dumps(request).encode()
        for kind, data in _pictures(request["messages"]):
            found[f"image-{number}.{kind}"] = data
    known = header.model_dump(mode="json", include=_VERSIONS)
    versions = {"viewfinder": VERSION, **known}
    return found | {
        "versions.json": (json.dumps(versions, indent=1) + "\n").encode(),
        "trouble.json": (trouble.model_dump_json(indent=1) + "\n").encode(),
        "README.md": _readme(header, trouble).encode(),
    }


def _pictures(sent: Iterable[dict[str, object]]) -> Iterable[tuple[str, bytes]]:
    for message in sent:
        content = message["content"]
        for part in content if isinstance(content, list) else ():
            if part["type"] == "image_url":
                head, _, data = part["image_url"]["url"].partition(",")
                yield re.findall(r"image/(\w+)", head)[0], base64.b64decode(data)


def _readme(header: ResultHeader, trouble: Trouble) -> str:
    said = [
        f"# {trouble.code.value}: {header.title} ({header.variant})",
        "",
        f"Seen in run {header.run}: {trouble.rate.events} of {trouble.rate.asked} requests."
        if trouble.rate
        else f"Seen in run {header.run}.",
        f"Request {len(trouble.steps)} was answered '{trouble.said}' where '{trouble.expected}' was "
        "expected.",
        "",
        *(f"{number}. {_what(step)}" for number, step in enumerate(trouble.steps, start=1)),
        "",
        *_serve(header),
        "Send them from within this folder, to a process that has answered nothing before:",
        "",
        "```sh",
        *_requests(header, trouble),
        "```",
    ]
    if trouble.together:
        said += ["", "They must be under way at the same time; if they were not, send them again."]
    if any(step.how == "broken" for step in trouble.steps):
        said += ["", "A gateway refuses the broken image itself: send that request to the engine."]
    return "\n".join((*said, ""))


def _what(step: Step) -> str:
    shown = {"broken": "data that is not an image"}.get(
        step.how, f"scene {step.scene}" if step.scene else "no image"
    )
    left = "; the client disconnects at the first words" if step.how == "left" else ""
    return f"{shown}: '{' '.join(step.question.split())[-80:]}'{left}"


def _serve(header: ResultHeader) -> list[str]:
    """How to start the server, if Viewfinder starts it; without a canary, which would send images before."""
    if header.engine == ENDPOINT:
        return []
    serve = f"viewfinder serve {shlex.quote(header.model)} --variant {shlex.quote(header.variant)}"
    return ["In a terminal of its own:", "", "```sh", f"VIEWFINDER_FLEET__CANARY=false {serve}", "```", ""]


def _requests(header: ResultHeader, trouble: Trouble) -> list[str]:
    host, port = (Settings.model_fields[name].default for name in ("host", "port"))
    gateway = f"http://{host}:{port}{CHAT_PATH}"
    url = header.endpoint if header.engine == ENDPOINT else gateway
    lines = []
    for number, step in enumerate(trouble.steps, start=1):
        line = f"curl -sN {shlex.quote(url)} -H 'Content-Type: application/json'"
        line += f" --data-binary @request-{number}.json"
        if step.how == "left":
            line += " | head -c 300"
        lines.append(f"{line} &" if trouble.together else f"{line}; echo")
    return [*lines, "wait"] if trouble.together else lines
