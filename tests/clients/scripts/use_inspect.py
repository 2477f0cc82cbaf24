"""Inspect: an evaluation of images, and its models by themselves."""

import asyncio
import os
import tempfile

from checking import (
    COLORS,
    FOLLOW_UP,
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

os.environ["INSPECT_LOG_DIR"] = tempfile.mkdtemp()
os.environ["INSPECT_DISPLAY"] = "none"

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import (
    ChatMessageTool,
    ChatMessageUser,
    ContentImage,
    ContentText,
    GenerateConfig,
    ResponseSchema,
    get_model,
)
from inspect_ai.scorer import includes
from inspect_ai.tool import ToolInfo, ToolParams
from inspect_ai.util import json_schema
from pydantic import BaseModel

ASK = ChatMessageUser(content=[ContentImage(image=IMAGE_URL), ContentText(text=QUESTION)])


class Circle(BaseModel):
    color: str


def model(name=MODEL, provider="openai-api/viewfinder", **config):
    config = GenerateConfig(temperature=0, max_retries=0, **config)
    return get_model(f"{provider}/{name}", base_url=V1, api_key=KEY, config=config, memoize=False)


def ask(messages, asked=None, **options):
    return asyncio.run((asked or model()).generate(messages, **options))


def evaluate(asked):
    """One sample about an image, scored."""
    task = Task(dataset=[Sample(input=[ASK], target="red")], scorer=includes())
    (log,) = eval(task, model=asked, fail_on_error=True)
    assert log.status == "success", log.error
    score = log.results.scores[0].metrics["accuracy"].value
    assert score == 1, score
    return f"accuracy {score:g}"


@check("text")
def text():
    return seven(ask(TEXT).completion)


@check("image")
def image():
    return evaluate(model())


@check("stream")
def stream():
    config = GenerateConfig(temperature=0, max_retries=0)
    name = f"openai-api/viewfinder/{MODEL}"
    streamed = get_model(name, base_url=V1, api_key=KEY, config=config, memoize=False, stream=True)
    return red(ask([ASK], streamed).completion)


@check("follow-up")
def follow_up():
    first = ask([ASK]).message
    return one(ask([ASK, first, ChatMessageUser(content=FOLLOW_UP)]).completion)


@check("structured")
def structured():
    schema = json_schema(Circle)
    schema.properties["color"].enum = list(COLORS)
    asked = model(response_schema=ResponseSchema(name="circle", json_schema=schema, strict=True))
    return color_in(ask([ASK], asked).completion)


@check("tool")
def tool():
    schema = json_schema(Circle)
    schema.properties["color"].enum = list(COLORS)
    schema.properties["color"].description = "The color."
    params = ToolParams(properties=schema.properties, required=["color"])
    info = ToolInfo(name="say_color", description="Say a color.", parameters=params)
    message = ask([ASK], tools=[info], tool_choice="any").message
    (call,) = message.tool_calls
    color_in(call.arguments)
    told = ChatMessageTool(content="Thank you.", tool_call_id=call.id, function=call.function)
    ask([ASK, message, told], tools=[info])
    return call.arguments


@check("error")
def error():
    return raises(Exception, lambda: ask(TEXT, model(NO_MODEL)))


@check("openai/")
def by_openai():
    return evaluate(model(provider="openai"))


@check("openai/ with responses")
def by_responses():
    config = GenerateConfig(temperature=0, max_retries=0)
    return evaluate(get_model(f"openai/{MODEL}", base_url=V1, api_key=KEY, config=config, responses_api=True))
