"""Requests for responses in the words of chat completions, and what is refused on the way."""

from typing import Any

import pytest

from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest
from viewfinder.wire.responses.conversation import Placed, conversation, kept_output
from viewfinder.wire.responses.ids import is_response_id, item_id, place_of
from viewfinder.wire.responses.translate import (
    TranslatedResponse,
    image_places,
    placed_items,
    read_request,
    translated,
)

URL = "data:image/png;base64,AAAA"
TOOL = {"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}}
CALL = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}", "id": "fc_1"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "red"}


def translate(limits: Limits = Limits(), kept: Any = (), **fields: Any) -> TranslatedResponse:  # noqa: B008
    request, ignored = read_request({"model": "m", **fields}, limits)
    new, _ = placed_items(request, lambda id, path: {"type": "message", "role": "user", "content": id})
    return translated(request, ignored, kept, new)


def messages(*items: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = translate(input=list(items), **fields).fields["messages"]
    return made


def refused(**fields: Any) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        translate(**{"input": "Hi.", **fields})
    assert caught.value.param is not None
    assert "messages" not in str(caught.value)
    return caught.value


def test_a_text_is_one_message() -> None:
    assert translate(input="Hi.").fields == {"model": "m", "messages": [{"role": "user", "content": "Hi."}]}


def test_instructions_come_first() -> None:
    kept = [
        Placed({"type": "message", "role": "user", "content": "One."}, "previous_response_id", is_kept=True)
    ]
    made = translate(input="Two.", instructions="Be short.", kept=kept).fields["messages"]
    assert [message["content"] for message in made] == ["Be short.", "One.", "Two."]
    assert made[0]["role"] == "system"


@pytest.mark.parametrize(
    "more", [{}, {"type": "message"}, {"type": None, "id": "msg_1", "status": "completed"}]
)
def test_messages_in_both_forms(more: dict[str, Any]) -> None:
    parts = [
        {"type": "input_text", "text": "What is it?"},
        {"type": "input_image", "image_url": URL, "detail": "original", "file_id": None},
        {"type": "input_image", "image_url": URL},
    ]
    assert messages({"role": "user", "content": parts, **more}) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": URL, "detail": "high"}},
                {"type": "image_url", "image_url": {"url": URL, "detail": "auto"}},
            ],
        }
    ]


def test_an_answer_that_is_sent_back_is_what_a_chat_client_sends() -> None:
    said = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "Red.", "annotations": [], "logprobs": []}],
    }
    assert messages({"role": "user", "content": "Hi."}, said)[1] == {"role": "assistant", "content": "Red."}
    assert kept_output(said)["content"] == [{"type": "output_text", "text": "Red."}]


def test_calls_in_a_row_are_one_message() -> None:
    words = {"role": "assistant", "content": "Let me look."}
    other = {**CALL, "call_id": "c2"}
    made = messages(
        {"role": "user", "content": "Hi."}, words, CALL, other, OUTPUT, {**OUTPUT, "call_id": "c2"}
    )
    assert [message["role"] for message in made] == ["user", "assistant", "tool", "tool"]
    assert made[1]["content"] == "Let me look."
    assert [call["id"] for call in made[1]["tool_calls"]] == ["c1", "c2"]
    assert made[2] == {"role": "tool", "tool_call_id": "c1", "content": "red"}
    parts = [{"type": "input_text", "text": "red"}]
    assert messages(CALL, {**OUTPUT, "output": parts})[1]["content"] == [{"type": "text", "text": "red"}]


def test_a_call_of_the_kept_conversation_takes_its_output() -> None:
    kept = [Placed({**CALL}, "previous_response_id", is_kept=True)]
    made = translate(input=[OUTPUT], kept=kept)
    assert [message["role"] for message in made.fields["messages"]] == ["assistant", "tool"]


def test_fields_have_their_places() -> None:
    schema = {"type": "object"}
    made = translate(
        input="Hi.",
        stream=True,
        max_output_tokens=7.0,
        temperature=0,
        top_p=0.5,
        top_logprobs=3,
        include=["message.output_text.logprobs"],
        tools=[{**TOOL, "strict": True}],
        tool_choice={"type": "function", "name": "look"},
        parallel_tool_calls=False,
        text={"format": {"type": "json_schema", "name": "s", "schema": schema, "strict": True}},
        metadata={"a": "b"},
        background=False,
    )
    assert made.fields == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi."}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens": 7,
        "temperature": 0,
        "top_p": 0.5,
        "logprobs": True,
        "top_logprobs": 3,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "look",
                    "description": "Looks.",
                    "parameters": {"type": "object"},
                    "strict": True,
                },
            }
        ],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "parallel_tool_calls": False,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "s", "schema": schema, "strict": True},
        },
    }
    assert made.ignored == ()


def test_what_has_no_effect_is_named() -> None:
    made = translate(
        input="Hi.",
        user="me",
        reasoning={"effort": None, "summary": "auto"},
        service_tier=None,
        truncation="auto",
        top_logprobs=2,
        text={"verbosity": "low", "format": {"type": "text"}},
        include=["reasoning.encrypted_content"],
    )
    assert made.ignored == (
        "user",
        "text.verbosity",
        "reasoning.summary",
        "truncation",
        "top_logprobs",
        "include.reasoning.encrypted_content",
    )


def test_how_much_to_think_is_passed_on() -> None:
    made = translate(input="Hi.", reasoning={"effort": "low"})
    assert made.fields["reasoning_effort"] == "low"
    assert made.ignored == ()
    assert made.where("reasoning_effort") == "reasoning.effort"


@pytest.mark.parametrize("reasoning", ["low", {"effort": 3}, {"effort": "LOW"}])
def test_an_effort_that_is_no_word_is_refused(reasoning: object) -> None:
    assert (refused(reasoning=reasoning).param or "").startswith("reasoning")


def test_thoughts_of_a_history_are_dropped() -> None:
    request, _ = read_request(
        {"model": "m", "input": [{"type": "reasoning", "summary": []}, {"role": "user", "content": "Hi."}]},
        Limits(),
    )
    placed, has_thoughts = placed_items(request, lambda id, path: {})
    assert has_thoughts
    assert [one.path for one in placed] == ["input[1]"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"stop": ["x"]}, "stop"),
        ({"n_discard": 1}, "n_discard"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": 7}, "input"),
        ({"input": [7]}, "input[0]"),
        ({"input": [{"type": "web_search_call", "id": "x"}]}, "input[0].type"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0]"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input[0].content[0].type"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
            "input[0].content[0].file_id",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
            "input[0].content[0].image_url",
        ),
        (
            {"input": [{"role": "system", "content": [{"type": "input_image", "image_url": URL}]}]},
            "input[0].content[0]",
        ),
        (
            {"input": [CALL, {**OUTPUT, "output": [{"type": "input_image", "image_url": URL}]}]},
            "input[1].output[0]",
        ),
        ({"input": [OUTPUT]}, "input[0].call_id"),
        ({"input": [{**CALL, "arguments": {}}]}, "input[0].arguments"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "name": "no spaces"}]}, "tools[0].name"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice.type"),
        ({"text": {"format": {"type": "yaml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "text.format.schema"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata"),
        ({"include": ["x"] * 17}, "include"),
        ({"input": [{"role": "user", "content": "x"}] * 513}, "input"),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": ""}] * 1025}]}, "input"),
    ],
)
def test_refusals_name_the_clients_own_field(fields: dict[str, Any], param: str) -> None:
    assert refused(**fields).param == param


def test_later_errors_name_the_clients_own_field() -> None:
    kept = [
        Placed({"type": "message", "role": "user", "content": "One."}, "previous_response_id", is_kept=True)
    ]
    parts = [{"type": "input_text", "text": "?"}, {"type": "input_image", "image_url": URL}]
    calls = [CALL, {**CALL, "call_id": "c2"}, {**OUTPUT, "output": [{"type": "input_text", "text": "x"}]}]
    made = translate(
        input=[{"role": "user", "content": parts}, *calls], instructions="Short.", kept=kept, stream=True
    )
    for path, own in {
        "messages[0].content": "instructions",
        "messages[1].content[0].image_url.url": "previous_response_id",
        "messages[2].content[1].image_url.url": "input[0].content[1].image_url",
        "messages[2].content[1]": "input[0].content[1]",
        "messages[3].tool_calls": "input[1]",
        "messages[3].tool_calls[1].function.arguments": "input[2].arguments",
        "messages[4].content[0].text": "input[3].output[0].text",
        "messages": "input",
        "messages[9]": "input",
        "max_completion_tokens": "max_output_tokens",
        "max_tokens": "max_output_tokens",
        "tools[2].function.parameters": "tools[2].parameters",
        "response_format.json_schema.schema.x": "text.format.schema.x",
        "response_format": "text.format",
        "temperature": "temperature",
    }.items():
        assert made.where(path) == own
    assert translate(input="Hi.").where("messages[0].content") == "input"


def test_images_are_cut_out_of_a_body() -> None:
    part = {"type": "input_image", "image_url": "cut 1"}
    body = {"input": [{"role": "user", "content": [part, 7]}, 7, {"output": [part]}, {"content": "x"}]}
    assert image_places(body) == [(part, "image_url"), (part, "image_url")]
    assert image_places([]) == image_places({"input": "x"}) == []


def test_an_items_id_says_where_it_is() -> None:
    response = f"resp_{'0f' * 16}"
    assert is_response_id(response)
    assert not is_response_id(response.upper())
    assert place_of(item_id({"type": "function_call"}, response, 300)) == (response, 300)
    for text in ("", "msg_1", f"xx_{'0' * 36}", f"msg_{'0' * 36}\n", f"msg_{'0' * 37}"):
        assert place_of(text) is None


def test_no_conversation_is_made_of_nothing() -> None:
    assert conversation([]).messages == []
    assert refused(input=[{"type": "reasoning"}]).param == "input"
