"""LiteLLM as a library: it speaks to the gateway as to OpenAI, and as to Anthropic."""

import json
from typing import Literal

import litellm
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
    finish,
    one,
    raises,
    red,
    seven,
)
from pydantic import BaseModel

litellm.telemetry = False
TO = {"api_base": V1, "api_key": KEY, "max_retries": 0}
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


class Circle(BaseModel):
    color: Literal["red", "green", "blue"]


def ask(messages, model=f"openai/{MODEL}", **options):
    return litellm.completion(model=model, messages=messages, temperature=0, **TO, **options)


@check("text")
def text():
    return seven(ask([{"role": "user", "content": TEXT}]).choices[0].message.content)


@check("image")
def image():
    assert red(ask(ASK, model=f"hosted_vllm/{MODEL}").choices[0].message.content)
    return red(ask(ASK).choices[0].message.content)


@check("stream")
def stream():
    chunks = list(ask(ASK, stream=True, stream_options={"include_usage": True}))
    whole = litellm.stream_chunk_builder(chunks)
    assert whole.usage.completion_tokens > 0
    return red(whole.choices[0].message.content)


@check("follow-up")
def follow_up():
    first = ask(ASK).choices[0].message
    second = ask([*ASK, first, {"role": "user", "content": FOLLOW_UP}])
    third = ask([*ASK, first.model_dump(), {"role": "user", "content": FOLLOW_UP}])
    assert second.choices[0].message.content == third.choices[0].message.content
    return one(second.choices[0].message.content)


@check("structured")
def structured():
    return color_in(ask(ASK, response_format=Circle).choices[0].message.content)


@check("tool")
def tool():
    message = ask(ASK, tools=[TOOL], tool_choice="required").choices[0].message
    (call,) = message.tool_calls
    assert call.function.name == "say_color"
    color_in(call.function.arguments)
    answer = {"role": "tool", "tool_call_id": call.id, "content": "Thank you."}
    assert ask([*ASK, message, answer], tools=[TOOL]).choices[0].finish_reason in ("stop", "tool_calls")
    return json.dumps(call.model_dump())


@check("error")
def error():
    return raises(
        litellm.NotFoundError,
        lambda: ask([{"role": "user", "content": TEXT}], model=f"openai/{NO_MODEL}"),
    )


@check("responses")
def responses():
    first = litellm.responses(model=f"openai/{MODEL}", input=TEXT, temperature=0, **TO)
    return seven(first.output[0].content[0].text)


@check("completions")
def completions():
    reply = litellm.text_completion(
        model=f"text-completion-openai/{MODEL}", prompt="The capital of France is", max_tokens=4, **TO
    )
    assert reply.usage.completion_tokens <= 4
    assert reply.choices[0].text
    return reply.choices[0].text


finish()
