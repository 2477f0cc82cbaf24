"""What an engine gets of a request with tools, and what is refused because it would get it wrong."""

from typing import Any

import pytest

from viewfinder.client.endpoint import Endpoint
from viewfinder.core.errors import UnsupportedParameter
from viewfinder.gateway.tools import EngineRequest
from viewfinder.wire.tool_prompt import TemplateFacts

USER = {"role": "user", "content": "What color?"}
BEGUN = {"role": "assistant", "content": "A blue"}
TOOLS = [{"type": "function", "function": {"name": "look"}}]
FORM = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "string", "pattern": r"^\d$"}}}


def request(
    *messages: Any, lacks: Any = (), template: TemplateFacts | None = None, **more: Any
) -> EngineRequest:
    endpoint = Endpoint("http://engine", lacks=frozenset(lacks), template=template)
    return EngineRequest("both", {"messages": [*(messages or (USER,))], **more}, endpoint)


@pytest.mark.parametrize("lacks", ["response_format", "tool_choice"])
@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "look"}}])
def test_an_engine_without_grammars_cannot_be_made_to_call(lacks: str, choice: Any) -> None:
    with pytest.raises(UnsupportedParameter) as caught:
        request(lacks=[lacks], template=TemplateFacts(), tools=TOOLS, tool_choice=choice)
    assert caught.value.param == "tool_choice"
    assert request(lacks=[lacks], template=TemplateFacts(), tools=TOOLS).body["messages"]


def test_an_engine_that_answers_the_assistant_gets_no_last_message_of_it() -> None:
    with pytest.raises(UnsupportedParameter) as caught:
        request(USER, BEGUN, lacks=["prefill"])
    assert caught.value.param == "messages[1]"
    assert request(USER, BEGUN, USER, lacks=["prefill"]).body["messages"]


def test_the_beginning_is_not_repeated() -> None:
    continued = request(USER, BEGUN)
    for text in ("A blue circle.", " circle."):
        message = {"content": text}
        continued.continued(message)
        assert message == {"content": " circle."}


def test_a_running_server_that_gives_no_call_is_an_error() -> None:
    native = request(tools=TOOLS, tool_choice="required")
    choice = {"index": 0, "message": {"content": "Red."}, "finish_reason": "stop"}
    with pytest.raises(UnsupportedParameter):
        native.clean(choice, "message")


def test_only_llama_cpp_gets_a_schema_in_its_own_words() -> None:
    theirs = request(template=TemplateFacts(is_of_llama_cpp=True), response_format=FORM).body
    assert theirs["response_format"]["json_schema"]["schema"]["pattern"] == "^[0-9]$"
    assert request(response_format=FORM).body["response_format"] == FORM


@pytest.mark.parametrize("form", [{}, {"response_format": FORM}])
def test_llama_cpp_is_told_of_calls_side_by_side(form: dict[str, Any]) -> None:
    """Its words for a schema dropped the field."""
    template = TemplateFacts(tools=True, calls=True, is_of_llama_cpp=True)
    endpoint = Endpoint(
        "http://engine", template=template, takes={"parallel_tool_calls": "parallel_tool_calls"}
    )
    body = {"messages": [USER], "tools": TOOLS, "parallel_tool_calls": True, **form}
    assert EngineRequest("both", body, endpoint).body["parallel_tool_calls"] is True


WORD = {"stop_type": "word", "stopping_word": "is"}


@pytest.mark.parametrize(
    ("told", "stopped_by"),
    [
        (WORD, "is"),
        (WORD | {"stop_type": "eos"}, None),
        (WORD | {"stopping_word": "another"}, None),
        (WORD | {"stopping_word": ["is"]}, None),
        ({"stop_type": "word"}, None),
        ("is", None),
        (None, None),
    ],
)
def test_llama_cpp_says_which_stop_string_it_has_met(told: Any, stopped_by: str | None) -> None:
    endpoint = Endpoint("http://engine", template=TemplateFacts(is_of_llama_cpp=True))
    asked = EngineRequest("both", {"messages": [USER], "stop": ["is"]}, endpoint, names_its_stop=True)
    assert asked.body["verbose"] is True
    asked.read({"__verbose": told})
    assert asked.stopped_by == stopped_by


def test_no_other_request_is_verbose() -> None:
    endpoint = Endpoint("http://engine", template=TemplateFacts(is_of_llama_cpp=True))
    body = {"messages": [USER], "stop": ["is"]}
    assert "verbose" not in EngineRequest("both", body, endpoint).body
    assert "verbose" not in EngineRequest("both", {"messages": [USER]}, endpoint, names_its_stop=True).body
    elsewhere = Endpoint("http://engine")
    assert "verbose" not in EngineRequest("both", body, elsewhere, names_its_stop=True).body
