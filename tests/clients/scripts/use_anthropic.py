"""The official client of Anthropic: messages."""

import json
from typing import Literal

import anthropic
from checking import (
    FOLLOW_UP,
    IMAGE,
    KEY,
    MODEL,
    NO_MODEL,
    QUESTION,
    SCHEMA,
    TEXT,
    URL,
    check,
    color_in,
    one,
    raises,
    red,
    seven,
)
from pydantic import BaseModel

client = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0)
ASK = [
    {
        "role": "user",
        "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE}},
            {"type": "text", "text": QUESTION},
        ],
    }
]
OPTIONS = {
    "model": MODEL,
    "max_tokens": 100,
    "extra_body": {"temperature": 0},
}  # its methods have no temperature
TOOL = {"name": "say_color", "description": "Say a color.", "input_schema": SCHEMA}


class Circle(BaseModel):
    color: Literal["red", "green", "blue"]


def ask(messages, **options):
    return client.messages.create(messages=messages, **OPTIONS, **options)


@check("text")
def text():
    return seven(ask([{"role": "user", "content": TEXT}], system="Be brief.").content[0].text)


@check("image")
def image():
    reply = ask(ASK)
    assert reply.usage.input_tokens > 10
    return red(reply.content[0].text)


@check("stream")
def stream():
    with client.messages.stream(messages=ASK, **OPTIONS) as events:
        words = "".join(events.text_stream)
        final = events.get_final_message()
    assert final.content[0].text == words
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens > 0
    return red(words)


@check("follow-up")
def follow_up():
    first = ask(ASK)
    history = [*ASK, {"role": first.role, "content": first.content}]
    return one(ask([*history, {"role": "user", "content": FOLLOW_UP}]).content[0].text)


@check("structured")
def structured():
    parsed = client.messages.parse(messages=ASK, output_format=Circle, **OPTIONS)
    return color_in(parsed.parsed_output.model_dump())


@check("tool")
def tool():
    reply = ask(ASK, tools=[TOOL], tool_choice={"type": "any"})
    (call,) = [block for block in reply.content if block.type == "tool_use"]
    assert (call.name, reply.stop_reason) == ("say_color", "tool_use")
    color_in(call.input)
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "Thank you."}
    history = [*ASK, {"role": "assistant", "content": reply.content}, {"role": "user", "content": [result]}]
    assert ask(history, tools=[TOOL]).stop_reason in ("end_turn", "tool_use")
    named = {"type": "tool", "name": "say_color"}
    with client.messages.stream(messages=ASK, tools=[TOOL], tool_choice=named, **OPTIONS) as events:
        streamed = events.get_final_message()
    color_in(next(block.input for block in streamed.content if block.type == "tool_use"))
    return json.dumps(call.model_dump())


@check("error")
def error():
    return raises(
        anthropic.NotFoundError,
        lambda: client.messages.create(
            model=NO_MODEL, max_tokens=9, messages=[{"role": "user", "content": TEXT}]
        ),
    )


@check("count tokens")
def count_tokens():
    count = client.messages.count_tokens(model=MODEL, messages=ASK).input_tokens
    usage = ask(ASK).usage
    assert count == usage.input_tokens + usage.cache_read_input_tokens
    return count
