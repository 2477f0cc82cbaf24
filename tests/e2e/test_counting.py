"""The tokens of a request are counted before it is run, and are those that it takes: glimpse on llama.cpp."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest
import requests

from viewfinder.scenes.messages import image_message
from viewfinder.scenes.scene import make_scene

from .conftest import Served

SCENE, OTHER = make_scene("count/1"), make_scene("count/2")
PARAMETERS = {"type": "object", "properties": {"color": {"type": "string"}}, "required": ["color"]}
TOOLS = [{"type": "function", "function": {"name": "say_color", "parameters": PARAMETERS}}]
ASKED = image_message(SCENE, "What color is the circle?")
TEXT = {"role": "user", "content": "What is the capital of France?"}
TWO = {"role": "user", "content": [*ASKED["content"], *image_message(OTHER, "And here?")["content"]]}

REQUESTS: dict[str, dict[str, Any]] = {
    "text": {"messages": [TEXT]},
    "image": {"messages": [ASKED]},
    "two images": {"messages": [TWO]},
    "system": {"messages": [{"role": "system", "content": "Answer in one word."}, ASKED]},
    "history": {"messages": [ASKED, {"role": "assistant", "content": "Red."}, TEXT]},
    "answer that is begun": {"messages": [TEXT, {"role": "assistant", "content": "It is "}]},
    "tools": {"messages": [TEXT], "tools": TOOLS},
    "tools, constrained": {"messages": [ASKED], "tools": TOOLS, "tool_choice": "required"},
    "schema": {
        "messages": [ASKED],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": PARAMETERS, "strict": True},
        },
    },
}


@pytest.fixture
def client(served: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="unused", max_retries=0) as made:
        yield made


def counted(served: Served, path: str, body: dict[str, Any]) -> int:
    reply = requests.post(served.url + path, json={"model": "glimpse", **body}, timeout=60)
    assert reply.status_code == 200, reply.text
    return int(reply.json()["input_tokens"])


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_the_count_is_what_the_request_takes(
    served: Served, client: openai.OpenAI, request_: dict[str, Any]
) -> None:
    count = counted(served, "/v1/chat/completions/input_tokens", request_)
    reply = client.chat.completions.create(model="glimpse", temperature=0, max_tokens=32, **request_)
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == count


def test_a_conversation_that_is_too_long_is_counted(served: Served, client: openai.OpenAI) -> None:
    long = {"messages": [{"role": "user", "content": "a b " * 3000}]}
    count = counted(served, "/v1/chat/completions/input_tokens", long)
    assert count > 6000
    with pytest.raises(openai.BadRequestError, match=rf"resulted in {count} tokens"):
        client.chat.completions.create(model="glimpse", **long)


def test_a_message_of_anthropics_api(served: Served) -> None:
    url = ASKED["content"][0]["image_url"]["url"]
    source = {"type": "base64", "media_type": "image/png", "data": url.partition(",")[2]}
    words = [{"type": "image", "source": source}, {"type": "text", "text": "What color is it?"}]
    tools = [{"name": "say_color", "input_schema": PARAMETERS}]
    body = {"messages": [{"role": "user", "content": words}], "system": "Answer in one word.", "tools": tools}
    count = counted(served, "/v1/messages/count_tokens", body)
    whole = {"model": "glimpse", "max_tokens": 32, **body}
    usage = requests.post(f"{served.url}/v1/messages", json=whole, timeout=60).json()["usage"]
    assert usage["input_tokens"] + usage["cache_read_input_tokens"] == count


def test_a_response_that_follows_another(served: Served, client: openai.OpenAI) -> None:
    """With the official client: its turn before counts, and the count is not kept."""
    image = {"type": "input_image", "image_url": ASKED["content"][0]["image_url"]["url"]}
    words = {"role": "user", "content": [image, {"type": "input_text", "text": "What color is it?"}]}
    first: dict[str, Any] = {"model": "glimpse", "input": [words]}
    count = client.responses.input_tokens.count(**first)
    response = client.responses.create(**first)
    assert response.usage is not None
    assert (count.object, count.input_tokens) == ("response.input_tokens", response.usage.input_tokens)
    second: dict[str, Any] = {
        "model": "glimpse",
        "input": "How many shapes are there?",
        "previous_response_id": response.id,
    }
    count = client.responses.input_tokens.count(**second)
    follow = client.responses.create(**second)
    assert follow.usage is not None
    assert count.input_tokens == follow.usage.input_tokens > response.usage.input_tokens
