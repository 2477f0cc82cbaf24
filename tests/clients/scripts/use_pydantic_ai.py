"""Pydantic AI with its default way to structured output: a tool that the model must call."""

import asyncio
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
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

PICTURE = BinaryContent(data=IMAGE_FILE.read_bytes(), media_type="image/png")


class Circle(BaseModel):
    color: Literal["red", "green", "blue"]


def agent(model=MODEL, **options):
    made = OpenAIChatModel(model, provider=OpenAIProvider(base_url=V1, api_key=KEY))
    return Agent(made, model_settings={"temperature": 0}, retries=0, **options)


@check("text")
def text():
    return seven(agent().run_sync(TEXT).output)


@check("image")
def image():
    return red(agent().run_sync([QUESTION, PICTURE]).output)


@check("stream")
def stream():
    async def read():
        async with agent().run_stream([QUESTION, PICTURE]) as result:
            return [text async for text in result.stream_text(delta=True)], result.usage

    deltas, _ = asyncio.run(read())
    return red("".join(deltas))


@check("follow-up")
def follow_up():
    first = agent().run_sync([QUESTION, PICTURE])
    return one(agent().run_sync(FOLLOW_UP, message_history=first.all_messages()).output)


@check("structured")
def structured():
    return color_in(agent(output_type=Circle).run_sync([QUESTION, PICTURE]).output.model_dump())


@check("tool")
def tool():
    """One that the model may call, beside the output's tool, of which it must call one."""
    asks = agent(output_type=Circle)

    @asks.tool_plain
    def note(color: Literal["red", "green", "blue"]) -> str:
        """Note a color."""
        return f"{color} is noted."

    return color_in(asks.run_sync([QUESTION, PICTURE]).output.model_dump())


@check("error")
def error():
    return raises(ModelHTTPError, lambda: agent(NO_MODEL).run_sync(TEXT))
