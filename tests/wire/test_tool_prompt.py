"""Requests with tools, as models with and without a place for them get them."""

import json
from typing import Any

import jsonschema
import pytest

from viewfinder.wire.tool_history import for_engines, in_words
from viewfinder.wire.tool_prompt import TemplateFacts, call_schema, description_of, fitted

WITH = TemplateFacts(tools=True, calls=True)
WITHOUT = TemplateFacts()
COLOR = {
    "type": "object",
    "properties": {"color": {"$ref": "#/$defs/Color"}},
    "required": ["color"],
    "$defs": {"Color": {"enum": ["red", "blue"]}},
}
QUESTION = {"role": "user", "content": "What color?"}


def tool(name: str, parameters: Any = None, **more: Any) -> dict[str, Any]:
    given = {} if parameters is None else {"parameters": parameters}
    return {"type": "function", "function": {"name": name, **given, **more}}


def named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def body(*tools: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": [QUESTION], "tools": list(tools), **more}


def schema_of(fit: Any) -> Any:
    return fit.body["response_format"]["json_schema"]["schema"]


def test_a_template_with_tools_gets_them_as_they_are() -> None:
    request = body(tool("look"), tool_choice="auto")
    assert fitted(request, WITH).body == request
    assert fitted(request, WITH).reads == "text"


def test_a_template_that_is_not_known_gets_everything_as_it_is() -> None:
    request = body(tool("look"), tool_choice=named("look"))
    assert fitted(request, None).body == request
    assert fitted(request, None).reads == "native"


@pytest.mark.parametrize("facts", [WITH, WITHOUT])
def test_none_takes_the_tools_away(facts: TemplateFacts) -> None:
    assert fitted(body(tool("look"), tool_choice="none"), facts).body == {"messages": [QUESTION]}


@pytest.mark.parametrize("facts", [WITH, WITHOUT])
def test_a_named_function_leaves_only_its_arguments(facts: TemplateFacts) -> None:
    fit = fitted(body(tool("say_color", COLOR), tool("look"), tool_choice=named("say_color")), facts)
    assert (fit.reads, fit.names) == ("arguments", ("say_color",))
    jsonschema.validate({"color": "red"}, schema_of(fit))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"color": "green"}, schema_of(fit))


@pytest.mark.parametrize("facts", [WITH, WITHOUT])
def test_required_leaves_a_call_of_one_of_them(facts: TemplateFacts) -> None:
    fit = fitted(body(tool("say_color", COLOR), tool("look"), tool_choice="required", stop=["x"]), facts)
    assert fit.reads == "forced"
    assert "stop" not in fit.body
    jsonschema.validate({"name": "look", "arguments": {}}, schema_of(fit))
    jsonschema.validate({"name": "say_color", "arguments": {"color": "blue"}}, schema_of(fit))
    for wrong in ({"name": "say_color", "arguments": {}}, {"name": "no", "arguments": {}}, "red"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema_of(fit))


def test_without_a_place_for_them_tools_are_told_in_words() -> None:
    (told, question) = fitted(body(tool("look", description="Looks again.")), WITHOUT).body["messages"]
    assert (told["role"], question) == ("system", QUESTION)
    assert "- look: Looks again." in told["content"]


def test_words_join_a_system_message_or_the_first_question() -> None:
    system = {"role": "system", "content": "Be brief."}
    request = {"messages": [system, QUESTION], "tools": [tool("look")]}
    first, *rest = fitted(request, WITHOUT).body["messages"]
    assert first["content"].startswith("Be brief.\n\nYou can call")
    assert rest == [QUESTION]
    (question,) = fitted(body(tool("look")), TemplateFacts(system=False)).body["messages"]
    assert question["content"].endswith("\n\nWhat color?")


def test_an_answer_in_a_format_may_be_a_call_instead() -> None:
    answer = {"type": "object", "properties": {"x": {"$ref": "#/$defs/N"}}, "$defs": {"N": {"const": 1}}}
    format = {"type": "json_schema", "json_schema": {"name": "a", "schema": answer}}
    fit = fitted(body(tool("say_color", COLOR), response_format=format), WITHOUT)
    jsonschema.validate({"x": 1}, schema_of(fit))
    jsonschema.validate({"name": "say_color", "arguments": {"color": "red"}}, schema_of(fit))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"x": 2}, schema_of(fit))


def test_a_definition_that_refers_to_the_whole_is_moved_too() -> None:
    tree = {"type": "object", "properties": {"child": {"$ref": "#"}}, "additionalProperties": False}
    schema = call_schema([tool("plant", tree), tool("look")])
    jsonschema.validate({"name": "plant", "arguments": {"child": {"child": {}}}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"name": "plant", "arguments": {"child": {"leaf": 1}}}, schema)


def test_the_words_hold_what_is_needed_to_call() -> None:
    words = description_of([tool("say_color", COLOR), tool("look")])
    assert json.dumps(COLOR) in words
    assert '{"name": <its name>, "arguments": {...}}' in words
    assert "answer only with its arguments" in description_of([tool("look")], must_call=True)


def called(name: str, arguments: str = "{}", id: str = "c1", **more: Any) -> dict[str, Any]:
    call = {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", "tool_calls": [call], **more}


def result(content: Any, id: str = "c1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": content}


PICTURE = {"type": "image_url", "image_url": {"url": "ours"}}


def test_calls_and_results_are_carried_as_words() -> None:
    history = [
        QUESTION,
        called("look", '{"at": 1}', content="I look."),
        result("red"),
        result("big"),
        QUESTION,
    ]
    assert in_words(history) == [
        QUESTION,
        {"role": "assistant", "content": 'I look.\n{"name": "look", "arguments": {"at": 1}}'},
        {
            "role": "user",
            "content": "Result of look:\nred\n\nResult of look:\nbig\n\nWhat color?",
        },
    ]


def test_roles_still_alternate_where_results_have_images() -> None:
    history = for_engines([QUESTION, called("shot"), result([PICTURE]), QUESTION])
    said = in_words(history)
    assert [message["role"] for message in said] == ["user", "assistant", "user"]
    assert said[-1]["content"].count(PICTURE) == 1


@pytest.mark.parametrize("after", [[], [QUESTION], [called("shot"), result("x")]])
def test_images_of_results_become_those_of_a_user(after: list[dict[str, Any]]) -> None:
    _first, _call, tool_message, next_message, *_ = for_engines(
        [QUESTION, called("shot"), result([PICTURE]), *after]
    )
    assert "image" in tool_message["content"]
    assert next_message["role"] == "user"
    assert PICTURE in next_message["content"]


@pytest.mark.parametrize("arguments", ["", "null", " "])
def test_a_call_without_arguments_has_none(arguments: str) -> None:
    (call,) = for_engines([called("look", arguments)])
    assert call["tool_calls"][0]["function"]["arguments"] == "{}"


def test_an_answer_that_is_continued_is_one_text() -> None:
    """llama.cpp put blank lines between the parts, and then repeated them in the answer."""
    parts = [{"type": "text", "text": "A "}, {"type": "text", "text": "blue"}]
    assert for_engines([QUESTION, {"role": "assistant", "content": parts}])[-1]["content"] == "A blue"
