"""The official client of OpenAI: chat completions."""

import json
from typing import Literal

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
from pydantic import BaseModel

client = openai.OpenAI(base_url=V1, api_key=KEY, max_retries=0)
ASK = [
    {
        "role": "user",
        "content": [
            {"type": "image_url", "image_url": {"url": IMAGE_URL}},
            {"type": "text", "text": QUESTION},
        ],
    }
]
TOOL = {"type": "function", "function": {"name": "say_color", "parameters": SCHEMA, "strict": True}}


class Circle(BaseModel):
    color: Literal["red", "green", "blue"]


def ask(messages, **options):
    return client.chat.completions.create(model=MODEL, messages=messages, temperature=0, **options)


@check("text")
def text():
    return seven(ask([{"role": "user", "content": TEXT}]).choices[0].message.content)


@check("image")
def image():
    return red(ask(ASK).choices[0].message.content)


@check("stream")
def stream():
    chunks = list(ask(ASK, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage.completion_tokens > 0
    with client.chat.completions.stream(model=MODEL, messages=ASK, temperature=0) as events:
        whole = events.get_final_completion().choices[0].message.content
    words = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert words == whole, (words, whole)
    return red(words)


@check("follow-up")
def follow_up():
    first = ask(ASK).choices[0].message
    second = ask([*ASK, first, {"role": "user", "content": FOLLOW_UP}]).choices[0].message
    third = ask([*ASK, first.model_dump(), {"role": "user", "content": FOLLOW_UP}]).choices[0].message
    assert second.content == third.content
    return one(second.content)


@check("structured")
def structured():
    parsed = client.chat.completions.parse(model=MODEL, messages=ASK, temperature=0, response_format=Circle)
    return color_in(parsed.choices[0].message.parsed.model_dump())


@check("tool")
def tool():
    message = ask(ASK, tools=[TOOL], tool_choice="required").choices[0].message
    (call,) = message.tool_calls
    assert call.function.name == "say_color"
    color_in(call.function.arguments)
    answer = {"role": "tool", "tool_call_id": call.id, "content": "Thank you."}
    assert ask([*ASK, message, answer], tools=[TOOL]).choices[0].finish_reason in ("stop", "tool_calls")
    named = {"type": "function", "function": {"name": "say_color"}}
    chunks = ask(ASK, tools=[TOOL], tool_choice=named, stream=True)
    deltas = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or ()]
    assert deltas[0].function.name == "say_color"
    color_in("".join(delta.function.arguments or "" for delta in deltas))
    return json.dumps(call.model_dump())


@check("error")
def error():
    return raises(
        openai.NotFoundError,
        lambda: client.chat.completions.create(model=NO_MODEL, messages=[{"role": "user", "content": TEXT}]),
    )
