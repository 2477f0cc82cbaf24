"""What an engine gets of the fields that not every engine has, and what is named because it has no effect."""

from dataclasses import replace
from typing import Any

import pytest

from viewfinder.client.endpoint import Endpoint
from viewfinder.engines import llama_server, mlx, transformers
from viewfinder.gateway.openapi import IGNORED_HEADER
from viewfinder.gateway.tools import EngineRequest
from viewfinder.wire.tool_prompt import TemplateFacts

BEYOND_OPENAI = {"top_k": 5, "min_p": 0.1, "typical_p": 0.9, "repeat_penalty": 1.1, "ignore_eos": True}
THINKS = TemplateFacts(thinking=True)
HAS_EFFORTS = TemplateFacts(effort=True)
HAS_BOTH = TemplateFacts(thinking=True, effort=True)
TOOLS = [{"type": "function", "function": {"name": "look"}}]
CALL = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}


def fitted(
    takes: Any = llama_server.TAKES, lacks: Any = (), template: TemplateFacts | None = None, **fields: Any
) -> tuple[dict[str, Any], list[str]]:
    """What an engine gets beside the messages, and what is ignored."""
    endpoint = Endpoint("http://engine", lacks=frozenset(lacks), takes=takes, template=template)
    messages = [{"role": "user", "content": "What color?"}]
    asked = EngineRequest("both", {"messages": messages, **fields}, endpoint)
    return {name: value for name, value in asked.body.items() if name != "messages"}, asked.ignored


def test_llama_cpp_gets_all_as_they_are() -> None:
    assert fitted(**BEYOND_OPENAI) == (BEYOND_OPENAI, [])


def test_an_engine_that_says_nothing_gets_none_of_them_and_they_are_named() -> None:
    assert fitted({}, **BEYOND_OPENAI) == ({}, sorted(BEYOND_OPENAI))


def test_mlx_has_another_name_for_one() -> None:
    body, ignored = fitted(mlx._TAKES, mlx._UNSUPPORTED, **BEYOND_OPENAI, logit_bias={"1": 1})
    assert body == {"top_k": 5, "min_p": 0.1, "typical_p": 0.9, "repetition_penalty": 1.1}
    assert ignored == ["ignore_eos", "logit_bias"]


def test_transformers_has_none_of_them_and_no_penalties() -> None:
    penalties = {"presence_penalty": 1, "frequency_penalty": 1}
    body, ignored = fitted(transformers._TAKES, transformers._UNSUPPORTED, **BEYOND_OPENAI, **penalties)
    assert (body, ignored) == ({}, sorted([*BEYOND_OPENAI, *penalties]))


def test_a_value_that_changes_nothing_is_not_named() -> None:
    off = {"top_k": 0, "min_p": 0, "typical_p": 1, "repeat_penalty": 1.0, "ignore_eos": False}
    assert fitted({}, ["presence_penalty"], **off, presence_penalty=0) == ({}, [])
    assert fitted(**off) == (off, [])  # llama.cpp has other defaults


@pytest.mark.parametrize(
    ("template", "fields", "kwargs", "ignored"),
    [
        (THINKS, {"enable_thinking": False}, {"enable_thinking": False}, []),
        (THINKS, {"thinking": "disabled"}, {"enable_thinking": False}, []),
        (THINKS, {"thinking": "enabled"}, {"enable_thinking": True}, []),
        (THINKS, {"thinking": "adaptive"}, {}, ["thinking"]),
        (THINKS, {"reasoning_effort": "none"}, {"enable_thinking": False}, []),
        (THINKS, {"reasoning_effort": "low"}, {"enable_thinking": True}, []),
        (
            THINKS,
            {"reasoning_effort": "low", "enable_thinking": False},
            {"enable_thinking": False},
            ["reasoning_effort"],
        ),
        (HAS_EFFORTS, {"reasoning_effort": "low"}, {"reasoning_effort": "low"}, []),
        (HAS_EFFORTS, {"reasoning_effort": "none"}, {"reasoning_effort": "none"}, []),
        (HAS_EFFORTS, {"reasoning_effort": "lots"}, {}, ["reasoning_effort"]),
        (HAS_EFFORTS, {"enable_thinking": False}, {}, ["enable_thinking"]),
        (HAS_BOTH, {"reasoning_effort": "none"}, {"enable_thinking": False}, []),
        (HAS_BOTH, {"reasoning_effort": "high"}, {"reasoning_effort": "high"}, []),
        (
            TemplateFacts(),
            {"reasoning_effort": "low", "enable_thinking": True, "thinking": "enabled"},
            {},
            ["enable_thinking", "reasoning_effort", "thinking"],
        ),
        (None, {"reasoning_effort": "low"}, {}, ["reasoning_effort"]),
    ],
)
def test_thinking_is_for_the_template(
    template: TemplateFacts | None, fields: dict[str, Any], kwargs: dict[str, Any], ignored: list[str]
) -> None:
    body = {"chat_template_kwargs": kwargs} if kwargs else {}
    assert fitted(template=template, **fields) == (body, ignored)


def test_mlx_thinks_by_fields_of_its_own() -> None:
    assert fitted(mlx._TAKES, template=THINKS, enable_thinking=False) == ({"enable_thinking": False}, [])


@pytest.mark.parametrize("parallel", [True, False])
def test_only_llama_cpp_is_told_of_parallel_calls(parallel: bool) -> None:
    template = TemplateFacts(tools=True, calls=True)
    body, _ = fitted(template=template, tools=TOOLS, parallel_tool_calls=parallel)
    assert body["parallel_tool_calls"] is parallel
    body, _ = fitted({}, template=template, tools=TOOLS, parallel_tool_calls=parallel)
    assert "parallel_tool_calls" not in body
    assert fitted(template=template, parallel_tool_calls=parallel) == ({}, [])


@pytest.mark.parametrize("part", ["message", "delta"])
def test_without_parallel_calls_an_answer_has_one(part: str) -> None:
    body = {"messages": [{"role": "user", "content": "?"}], "tools": TOOLS, "parallel_tool_calls": False}
    asked = EngineRequest("both", body, Endpoint("http://engine"))
    calls = [CALL, {**CALL, "id": "2"}]
    if part == "delta":
        calls = [{"index": at, **call} for at, call in enumerate(calls)]
    choice = {"index": 0, part: {"tool_calls": calls}, "finish_reason": None}
    asked.clean(choice, part)
    assert choice[part]["tool_calls"] == calls[:1]
    later = {"index": 0, "delta": {"tool_calls": [{"index": 1, **CALL}]}, "finish_reason": None}
    asked.clean(later, "delta")
    assert later["delta"] == {}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_what_the_engine_ignores_is_named_beside_what_the_gateway_does(gateway, stream: bool) -> None:
    fields = {"top_k": 5, "verbosity": "low", "max_tokens": 10**9}
    async with gateway.post("hello", stream=stream, **fields) as reply:
        assert reply.headers[IGNORED_HEADER] == "verbosity, max_tokens (lowered to 16384), top_k"
        await reply.read()
    client = gateway.fleet.client
    client.endpoint = replace(client.endpoint, takes=llama_server.TAKES)
    async with gateway.post("hello", stream=stream, top_k=5) as reply:
        assert IGNORED_HEADER not in reply.headers
        await reply.read()
    assert [body.get("top_k") for body in gateway.engine.asked] == [None, 5]


async def test_an_answer_that_cannot_end_has_a_limit(gateway) -> None:
    client = gateway.fleet.client
    client.endpoint = replace(client.endpoint, takes=llama_server.TAKES)
    for fields in ({}, {"max_tokens": 7}):
        async with gateway.post("hello", ignore_eos=True, **fields) as reply:
            assert reply.status == 200
    assert [body["max_tokens"] for body in gateway.engine.asked] == [16_384, 7]
