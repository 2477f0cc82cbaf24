"""LlamaIndex with its client of servers that are like OpenAI's."""

import json
from typing import Literal

from checking import (
    FOLLOW_UP,
    IMAGE_FILE,
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
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel

ASK = ChatMessage(role="user", blocks=[ImageBlock(path=IMAGE_FILE), TextBlock(text=QUESTION)])


class Circle(BaseModel):
    """The circle of an image."""

    color: Literal["red", "green", "blue"]


def say_color(color: Literal["red", "green", "blue"]) -> str:
    """Say a color."""
    return color


def model(name=MODEL, **options):
    return OpenAILike(
        model=name,
        api_base=V1,
        api_key=KEY,
        temperature=0,
        max_retries=0,
        is_chat_model=True,
        is_function_calling_model=True,
        **options,
    )


@check("text")
def text():
    return seven(model().complete(TEXT).text)


@check("image")
def image():
    return red(model().chat([ASK]).message.content)


@check("stream")
def stream():
    return red("".join(part.delta or "" for part in model().stream_chat([ASK])))


@check("follow-up")
def follow_up():
    first = model().chat([ASK]).message
    return one(model().chat([ASK, first, ChatMessage(role="user", content=FOLLOW_UP)]).message.content)


@check("structured")
def structured():
    return color_in(model().as_structured_llm(Circle).chat([ASK]).raw.model_dump())


@check("tool")
def tool():
    tools = [FunctionTool.from_defaults(say_color)]
    response = model().chat_with_tools(tools, chat_history=[ASK], tool_required=True)
    (call,) = model().get_tool_calls_from_response(response)
    color_in(call.tool_kwargs)
    told = ChatMessage(role="tool", content="Thank you.", additional_kwargs={"tool_call_id": call.tool_id})
    model().chat_with_tools(tools, chat_history=[ASK, response.message, told])
    return json.dumps(call.tool_kwargs)


@check("error")
def error():
    return raises(Exception, lambda: model(NO_MODEL).complete(TEXT))


@check("completions")
def completions():
    """Without `is_chat_model`, it asks /v1/completions."""
    plain = OpenAILike(model=MODEL, api_base=V1, api_key=KEY, temperature=0, max_retries=0, max_tokens=8)
    said = plain.complete(TEXT).text
    assert said
    return said
