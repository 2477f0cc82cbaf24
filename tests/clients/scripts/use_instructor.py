"""Instructor in its default mode: the answer is a call of a tool with the model's fields."""

from typing import Literal

import instructor
import openai
from checking import (
    IMAGE_FILE,
    IMAGE_URL,
    KEY,
    MODEL,
    NO_MODEL,
    QUESTION,
    V1,
    check,
    color_in,
    raises,
)
from pydantic import BaseModel

client = instructor.from_openai(openai.OpenAI(base_url=V1, api_key=KEY, max_retries=0))
ASK = [
    {
        "role": "user",
        "content": [
            {"type": "image_url", "image_url": {"url": IMAGE_URL}},
            {"type": "text", "text": QUESTION},
        ],
    }
]


class Circle(BaseModel):
    color: Literal["red", "green", "blue"]


class Sum(BaseModel):
    answer: Literal["six", "seven"]


def ask(messages, kind=Circle, model=MODEL, **options):
    return client.chat.completions.create(
        model=model, messages=messages, response_model=kind, temperature=0, max_retries=0, **options
    )


@check("text")
def text():
    return ask([{"role": "user", "content": "What is 3 plus 4?"}], kind=Sum).answer


@check("image")
def image():
    picture = instructor.Image.from_path(IMAGE_FILE)
    return color_in(ask([{"role": "user", "content": [QUESTION, picture]}]).model_dump())


@check("stream")
def stream():
    partial = client.chat.completions.create_partial(
        model=MODEL, messages=ASK, response_model=Circle, temperature=0, max_retries=0
    )
    return color_in(list(partial)[-1].model_dump())


@check("follow-up")
def follow_up():
    _, completion = client.chat.completions.create_with_completion(
        model=MODEL, messages=ASK, response_model=Circle, temperature=0, max_retries=0
    )
    message = completion.choices[0].message.model_dump()
    (call,) = message["tool_calls"]
    told = {"role": "tool", "tool_call_id": call["id"], "content": "Are you sure?"}
    return color_in(ask([*ASK, message, told]).model_dump())


@check("structured")
def structured():
    return color_in(ask(ASK).model_dump())


@check("tool")
def tool():
    every = client.chat.completions.create(
        model=MODEL, messages=ASK, response_model=list[Circle], temperature=0, max_tokens=120, max_retries=0
    )
    return [color_in(one.model_dump()) for one in every]


@check("error")
def error():
    return raises(Exception, lambda: ask([{"role": "user", "content": QUESTION}], model=NO_MODEL))
