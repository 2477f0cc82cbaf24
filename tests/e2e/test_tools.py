"""Tools with OpenAI's client and real models: glimpse, whose template has none, and one whose template has.

Issue 14: tools were silently lost, and a function that had to be called gave a plain answer.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.catalog.gguf_maker import with_template
from tests.e2e.conftest import on_ray, serving
from viewfinder.catalog.catalog import WEIGHTS
from viewfinder.scenes.messages import image_message
from viewfinder.scenes.scene import make_scene

HERE = Path(__file__).parent
COLORS = ["red", "blue", "green", "yellow"]
MODELS = ("glimpse", "tools-glimpse")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    folder = tmp_path_factory.mktemp("tools")
    weights = WEIGHTS / "glimpse"
    template = (HERE / "tools.jinja").read_text()
    model = with_template(weights / "glimpse-f16.gguf", folder / "tools-glimpse.gguf", template)
    with serving(
        folder / "home", model, "--mmproj", weights / "mmproj-glimpse-f16.gguf", "--port", "0", *on_ray()
    ) as served:
        yield openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0)


def tool(name: str) -> Any:
    parameters = {
        "type": "object",
        "properties": {"color": {"$ref": "#/$defs/Color"}},
        "required": ["color"],
        "additionalProperties": False,
        "$defs": {"Color": {"type": "string", "enum": COLORS}},
    }
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


NAMED: Any = {"type": "function", "function": {"name": "say_color"}}
ASKED: Any = [image_message(make_scene("e2e/tools", things=1), "What color is the shape?")]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("choice", ["required", NAMED])
def test_a_call_that_must_be_is_made(client: openai.OpenAI, model: str, choice: Any) -> None:
    tools = [tool("say_color"), tool("name_color")]
    request: Any = {
        "model": model,
        "messages": ASKED,
        "tools": tools,
        "tool_choice": choice,
        "temperature": 0,
    }
    (answer,) = client.chat.completions.create(**request).choices
    (call,) = answer.message.tool_calls or ()
    assert answer.finish_reason == "tool_calls"
    assert answer.message.content is None
    assert call.type == "function"
    assert call.function.name in ({"say_color"} if choice == NAMED else {"say_color", "name_color"})
    assert json.loads(call.function.arguments)["color"] in COLORS

    with client.chat.completions.stream(**request) as stream:
        (streamed,) = stream.get_final_completion().choices
    assert streamed.finish_reason == "tool_calls"
    (same,) = streamed.message.tool_calls or ()
    assert (same.function.name, same.function.arguments) == (call.function.name, call.function.arguments)


@pytest.mark.parametrize("model", MODELS)
def test_the_call_and_its_result_go_back(client: openai.OpenAI, model: str) -> None:
    tools = [tool("say_color")]
    ask: Any = {"model": model, "tools": tools, "temperature": 0, "max_tokens": 60}
    first = client.chat.completions.create(messages=ASKED, tool_choice=NAMED, **ask).choices[0].message
    (call,) = first.tool_calls or ()
    result: Any = {"role": "tool", "tool_call_id": call.id, "content": "said"}
    history = [*ASKED, first, result, {"role": "user", "content": "What is 3 plus 4?"}]
    answer = client.chat.completions.create(messages=history, **ask)
    assert answer.choices[0].message.content
    usage = answer.usage
    assert usage is not None
    without = client.chat.completions.create(messages=[*ASKED, history[-1]], **ask).usage
    assert without is not None
    assert usage.prompt_tokens > without.prompt_tokens + 10  # the model has seen them


@pytest.mark.parametrize("model", MODELS)
def test_auto_still_answers(client: openai.OpenAI, model: str) -> None:
    reply = client.chat.completions.create(
        model=model, messages=ASKED, tools=[tool("say_color")], temperature=0, max_tokens=60
    )
    assert reply.choices[0].message.content or reply.choices[0].message.tool_calls


@pytest.mark.parametrize("begun", ["A blue", "A blue "])
def test_an_answer_that_is_begun_is_continued_the_same_way_whole_and_streamed(
    client: openai.OpenAI, begun: str
) -> None:
    """Whole replies repeated what the answer continues, streams did not."""
    messages = [*ASKED, {"role": "assistant", "content": begun}]
    ask: Any = {"model": "glimpse", "messages": messages, "temperature": 0, "max_tokens": 24}
    whole = client.chat.completions.create(**ask).choices[0].message.content
    parts = client.chat.completions.create(stream=True, **ask)
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in parts if chunk.choices)
    assert whole == streamed
    assert whole
    assert not whole.startswith(begun)
