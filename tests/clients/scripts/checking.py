"""What the scripts here share: each check runs once and prints one line of JSON, which the harness reads.

The scripts run in a client's own environment: this file needs nothing but the standard library.
"""

import asyncio
import base64
import inspect
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

URL = os.environ["CLIENT_URL"]
"""The gateway, without /v1."""
V1 = f"{URL}/v1"
KEY = "not-needed"
MODEL = "glimpse"
NO_MODEL = "no-such-model"

TEXT = "What is 3 plus 4?"
QUESTION = "What color is the circle?"
FOLLOW_UP = "How many shapes are there?"
COLORS = ("red", "green", "blue")
SAID_CHARS = 600

IMAGE_FILE = Path(os.environ["CLIENT_IMAGE"])
"""A red circle as PNG."""
IMAGE = base64.b64encode(IMAGE_FILE.read_bytes()).decode()
IMAGE_URL = f"data:image/png;base64,{IMAGE}"

COLOR = {"type": "string", "enum": list(COLORS)}
SCHEMA = {
    "type": "object",
    "properties": {"color": COLOR},
    "required": ["color"],
    "additionalProperties": False,
}


def check(name: str) -> Callable[[Callable[[], Any]], None]:
    """Run the function, and print whether it passed and what it returned or raised."""

    def run(function: Callable[[], Any]) -> None:
        try:
            said = function()
            if inspect.isawaitable(said):
                said = asyncio.run(said)
            ok = True
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            said, ok = f"{type(error).__name__}: {error}", False
        print(json.dumps({"check": name, "ok": ok, "said": str(said)[:SAID_CHARS]}), flush=True)

    return run


def seven(text: str | None) -> str:
    assert text is not None
    assert "7" in text, text
    return text


def red(text: str | None) -> str:
    assert text is not None
    assert "red" in text.lower(), text
    return text


def one(text: str | None) -> str:
    assert text is not None
    assert "1" in text, text
    return text


def color_in(document: Any) -> str:
    """The color of a structured answer, as text or as an object. Which of the three a tiny model says under
    constraint is its own affair."""
    fields = json.loads(document) if isinstance(document, str) else document
    assert fields["color"] in COLORS, document
    return json.dumps(fields)


def raises(kind: type[BaseException], function: Callable[[], Any]) -> str:
    """What the error says that the call must end with; it names the model that is not there."""
    try:
        function()
    except kind as error:
        said = f"{type(error).__name__}: {error}"
    else:
        raise AssertionError("no error")
    assert NO_MODEL in said, said
    return said


def finish() -> None:
    """End at once: some clients leave threads behind that send statistics."""
    sys.stdout.flush()
    os._exit(0)
