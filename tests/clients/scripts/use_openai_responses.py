"""The official client of OpenAI: responses."""

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
            {"type": "input_image", "image_url": IMAGE_URL},
            {"type": "input_text", "text": QUESTION},
        ],
    }
]
TOOL = {"type": "function", "name": "say_color", "parameters": SCHEMA, "strict": True}


class Circle(BaseModel):
    color: Literal["red", "green", "blue"]


def ask(words, **options):
    return client.responses.create(model=MODEL, input=words, temperature=0, **options)


@check("text")
def text():
    return seven(ask(TEXT).output_text)


@check("image")
def image():
    return red(ask(ASK).output_text)


@check("stream")
def stream():
    words, last = "", None
    for last in ask(ASK, stream=True):
        if last.type == "response.output_text.delta":
            words += last.delta
    assert last.type == "response.completed", last
    assert last.response.output_text == words
    with client.responses.stream(model=MODEL, input=ASK, temperature=0) as events:
        for _ in events:
            pass
        assert events.get_final_response().output_text == words
    return red(words)


@check("follow-up")
def follow_up():
    first = ask(ASK)
    kept = ask(FOLLOW_UP, previous_response_id=first.id).output_text
    appended = ask([*ASK, *first.output, {"role": "user", "content": FOLLOW_UP}]).output_text
    assert kept == appended, (kept, appended)
    assert client.responses.retrieve(first.id).output_text == first.output_text
    client.responses.delete(first.id)
    return one(kept)


@check("structured")
def structured():
    parsed = client.responses.parse(model=MODEL, input=ASK, temperature=0, text_format=Circle)
    return color_in(parsed.output_parsed.model_dump())


@check("tool")
def tool():
    response = ask(ASK, tools=[TOOL], tool_choice="required")
    (call,) = [item for item in response.output if item.type == "function_call"]
    assert call.name == "say_color"
    color_in(call.arguments)
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "Thank you."}
    assert ask([*ASK, *response.output, output], tools=[TOOL]).status == "completed"
    assert ask([output], tools=[TOOL], previous_response_id=response.id).status == "completed"
    return json.dumps(call.model_dump())


@check("decisions")
def decisions():
    reply = client.decisions.create(
        model=MODEL,
        input=[{"role": "user", "content": ASK[0]["content"][:1]}],
        questions=[
            {"type": "predicate", "instructions": "Is there a red circle?"},
            {
                "type": "choice",
                "instructions": QUESTION,
                "choices": [{"value": "red"}, {"value": "green"}, {"value": "blue"}],
            },
        ],
    )
    circle, color = reply.answers
    assert circle.probability > 0.5, circle
    return red(color.choice)


@check("error")
def error():
    return raises(openai.NotFoundError, lambda: client.responses.create(model=NO_MODEL, input=TEXT))
