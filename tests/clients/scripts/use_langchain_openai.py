"""LangChain's client of OpenAI-compatible servers."""

import json
from typing import Literal

from checking import (
    FOLLOW_UP,
    IMAGE,
    IMAGE_URL,
    KEY,
    MODEL,
    NO_MODEL,
    QUESTION,
    TEXT,
    V1,
    check,
    color_in,
    one,
    raises,
    red,
    seven,
)
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool as as_tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

ASK = HumanMessage(
    [{"type": "image_url", "image_url": {"url": IMAGE_URL}}, {"type": "text", "text": QUESTION}]
)
STANDARD = HumanMessage(
    [{"type": "image", "base64": IMAGE, "mime_type": "image/png"}, {"type": "text", "text": QUESTION}]
)


class Circle(BaseModel):
    """The circle of an image."""

    color: Literal["red", "green", "blue"]


@as_tool
def say_color(color: Literal["red", "green", "blue"]) -> str:
    """Say a color."""
    return color


def chat(model=MODEL, **options):
    return ChatOpenAI(base_url=V1, api_key=KEY, model=model, temperature=0, max_retries=0, **options)


@check("text")
def text():
    return seven(chat().invoke(TEXT).content)


@check("image")
def image():
    assert red(chat().invoke([STANDARD]).content)
    return red(chat().invoke([ASK]).content)


@check("stream")
def stream():
    chunks = list(chat(stream_usage=True).stream([ASK]))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert whole.usage_metadata["output_tokens"] > 0
    return red(whole.content)


@check("follow-up")
def follow_up():
    first = chat().invoke([ASK])
    return one(chat().invoke([ASK, first, HumanMessage(FOLLOW_UP)]).content)


@check("structured")
def structured():
    by_schema = chat().with_structured_output(Circle).invoke([ASK])
    by_tool = chat().with_structured_output(Circle, method="function_calling").invoke([ASK])
    color_in(by_schema.model_dump())
    return color_in(by_tool.model_dump())


@check("tool")
def tool():
    bound = chat().bind_tools([say_color], tool_choice="any")
    message = bound.invoke([ASK])
    (call,) = message.tool_calls
    color_in(call["args"])
    told = ToolMessage("Thank you.", tool_call_id=call["id"])
    assert chat().bind_tools([say_color]).invoke([ASK, message, told]) is not None
    return json.dumps(call)


@check("error")
def error():
    return raises(Exception, lambda: chat(NO_MODEL).invoke(TEXT))


@check("responses")
def responses():
    asked = chat(use_responses_api=True)
    first = asked.invoke([ASK])
    red(first.text)
    return one(asked.invoke([ASK, first, HumanMessage(FOLLOW_UP)]).text)
