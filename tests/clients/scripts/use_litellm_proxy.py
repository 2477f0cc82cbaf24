"""The LiteLLM proxy between OpenAI's client and the gateway, as teams run it."""

import atexit
import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import openai
from checking import (
    FOLLOW_UP,
    IMAGE_URL,
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
    raises,
    red,
    seven,
)

START_S = 90
PROXY_KEY = f"sk-{secrets.token_hex(32)}"
"""The proxy does not start without one."""
ASK = [
    {
        "role": "user",
        "content": [
            {"type": "image_url", "image_url": {"url": IMAGE_URL}},
            {"type": "text", "text": QUESTION},
        ],
    }
]
TOOL = {"type": "function", "function": {"name": "say_color", "parameters": SCHEMA}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "circle", "strict": True, "schema": SCHEMA}}


def configuration() -> Path:
    """Two models: ours, and one that the gateway does not have."""
    models = [
        {
            "model_name": name,
            "litellm_params": {"model": f"openai/{name}", "api_base": V1, "api_key": KEY, "max_retries": 0},
        }
        for name in (MODEL, NO_MODEL)
    ]
    file = Path(tempfile.mkdtemp()) / "config.yaml"
    file.write_text(json.dumps({"model_list": models, "router_settings": {"num_retries": 0}}))
    return file


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for_it() -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and proxy.poll() is None:
        try:
            client.models.list()
        except openai.APIConnectionError:
            time.sleep(0.2)
        else:
            return
    sys.exit(f"the proxy did not start within {START_S} s")


def stop() -> None:
    proxy.terminate()
    proxy.wait(timeout=20)


port = free_port()
proxy = subprocess.Popen(
    [
        *(Path(sys.executable).parent / "litellm", "--config", configuration()),
        *("--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"),
    ],
    stdout=sys.stderr,
    env={**os.environ, "DISABLE_ADMIN_UI": "True", "LITELLM_MASTER_KEY": PROXY_KEY},
)
client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=PROXY_KEY, max_retries=0)


def ask(messages, **options):
    return client.chat.completions.create(model=MODEL, messages=messages, temperature=0, **options)


atexit.register(stop)
wait_for_it()


@check("text")
def text():
    return seven(ask([{"role": "user", "content": TEXT}]).choices[0].message.content)


@check("image")
def image():
    return red(ask(ASK).choices[0].message.content)


@check("stream")
def stream():
    chunks = list(ask(ASK, stream=True, stream_options={"include_usage": True}))
    return red("".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices))


@check("follow-up")
def follow_up():
    first = ask(ASK).choices[0].message
    return one(ask([*ASK, first, {"role": "user", "content": FOLLOW_UP}]).choices[0].message.content)


@check("structured")
def structured():
    return color_in(ask(ASK, response_format=FORMAT).choices[0].message.content)


@check("tool")
def tool():
    message = ask(ASK, tools=[TOOL], tool_choice="required").choices[0].message
    (call,) = message.tool_calls
    color_in(call.function.arguments)
    told = {"role": "tool", "tool_call_id": call.id, "content": "Thank you."}
    ask([*ASK, message, told], tools=[TOOL])
    return json.dumps(call.model_dump())


@check("responses")
def responses():
    return seven(client.responses.create(model=MODEL, input=TEXT, temperature=0).output_text)


@check("error")
def error():
    return raises(
        openai.NotFoundError,
        lambda: client.chat.completions.create(model=NO_MODEL, messages=[{"role": "user", "content": TEXT}]),
    )


@check("after an error")
def after_an_error():
    """The proxy takes a model away from everybody for 5 s after some errors."""
    broken = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}}
    with contextlib.suppress(openai.BadRequestError):
        ask([{"role": "user", "content": [broken]}])
    return seven(ask([{"role": "user", "content": TEXT}]).choices[0].message.content)
