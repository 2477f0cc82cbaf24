"""The `llm` program, with our models in its extra-openai-models.yaml."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from checking import (
    FOLLOW_UP,
    IMAGE_FILE,
    KEY,
    MODEL,
    NO_MODEL,
    QUESTION,
    SCHEMA,
    TEXT,
    V1,
    check,
    color_in,
    one,
    red,
    seven,
)

LLM = Path(sys.executable).parent / "llm"
HOME = Path(tempfile.mkdtemp())
MODELS = [
    {
        "model_id": f"local-{name}",
        "model_name": name,
        "api_base": V1,
        "vision": True,
        "supports_schema": True,
        "supports_tools": True,
    }
    for name in (MODEL, NO_MODEL)
]
(HOME / "extra-openai-models.yaml").write_text(json.dumps(MODELS))
TOOL = """
def say_color(color: str) -> str:
    "Say a color."
    return f"{color} was said."
"""


def llm(*words, model=MODEL):
    done = subprocess.run(
        [LLM, "-m", f"local-{model}", "--key", KEY, "-o", "temperature", "0", *words],
        env={**os.environ, "LLM_USER_PATH": str(HOME)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout if done.returncode == 0 else f"error: {done.stderr}"


@check("text")
def text():
    return seven(llm("--no-stream", TEXT))


@check("image")
def image():
    return red(llm("--no-stream", QUESTION, "-a", IMAGE_FILE))


@check("stream")
def stream():
    return red(llm(QUESTION, "-a", IMAGE_FILE))


@check("follow-up")
def follow_up():
    red(llm(QUESTION, "-a", IMAGE_FILE))
    return one(llm("-c", FOLLOW_UP))


@check("structured")
def structured():
    return color_in(llm(QUESTION, "-a", IMAGE_FILE, "--schema", json.dumps(SCHEMA)))


@check("tools offered")
def tools_offered():
    said = llm(QUESTION, "-a", IMAGE_FILE, "--functions", TOOL)
    assert not said.startswith("error"), said
    return red(said)


@check("error")
def error():
    said = llm(TEXT, model=NO_MODEL)
    assert NO_MODEL in said
    assert "GET /v1/models" in said, said
    return said
