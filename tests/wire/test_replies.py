"""Engines' replies, cleaned."""

import json
from typing import Any

import orjson
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from viewfinder.core.errors import BadRequest, ContextExceeded, EngineRefused, RequestTooLarge
from viewfinder.wire.replies import (
    clean_chunk,
    clean_count,
    clean_reply,
    clean_usage,
    engine_refusal,
    error_body,
    usage_chunk,
)

NAMED = ("glimpse", "chatcmpl-1", 1700000000)
USAGE = {"prompt_tokens": 20, "completion_tokens": 3, "total_tokens": 23}
TOKEN = {"token": "A", "logprob": -0.1, "bytes": [65]}

LLAMA_CPP = {
    "choices": [
        {
            "finish_reason": "stop",
            "index": 0,
            "message": {"role": "assistant", "content": "A red circle."},
            "logprobs": {"content": [{"id": 5, **TOKEN, "top_logprobs": [{"id": 5, **TOKEN}]}]},
        }
    ],
    "created": 1,
    "model": "/home/someone/models/glimpse.gguf",
    "system_fingerprint": "b1-abc",
    "object": "chat.completion",
    "usage": {**USAGE, "prompt_tokens_details": {"cached_tokens": 7}},
    "id": "chatcmpl-theirs",
    "__verbose": {"prompt": "secret"},
    "timings": {"prompt_n": 20},
}


def test_a_reply_keeps_what_openai_lists_and_nothing_else() -> None:
    assert clean_reply(LLAMA_CPP, *NAMED, 20) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "glimpse",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "A red circle.", "refusal": None},
                "finish_reason": "stop",
                "logprobs": {"content": [{**TOKEN, "top_logprobs": [TOKEN]}], "refusal": None},
            }
        ],
        "usage": {**USAGE, "prompt_tokens_details": {"cached_tokens": 7}},
    }


def test_log_probabilities_are_those_that_were_requested() -> None:
    """llama.cpp gives 20 other tokens for each where a request says nothing of them."""
    for others, given in ((None, None), (0, [[]]), (1, [[TOKEN]])):
        (choice,) = clean_reply(LLAMA_CPP, *NAMED, others)["choices"]
        told = choice["logprobs"]
        assert (told and [token["top_logprobs"] for token in told["content"]]) == given


def test_the_official_client_takes_our_replies_and_chunks() -> None:
    reply = ChatCompletion.model_validate(clean_reply(LLAMA_CPP, *NAMED), strict=True)
    assert reply.choices[0].message.content == "A red circle."
    chunk = ChatCompletionChunk.model_validate(clean_chunk(said({"content": "A"}), *NAMED), strict=True)
    assert chunk.choices[0].delta.content == "A"
    last = ChatCompletionChunk.model_validate(usage_chunk(USAGE, *NAMED), strict=True)
    assert last.usage is not None
    assert last.usage.total_tokens == 23


def test_tool_calls() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}", "x": 1}, "slot": 2}
    raw = {"choices": [{"finish_reason": "tool_calls", "message": {"content": None, "tool_calls": [call]}}]}
    message = clean_reply(raw, *NAMED)["choices"][0]["message"]
    assert message == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": [{"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
    }


def said(delta: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}], **more}


def test_a_chunk() -> None:
    raw = said({"content": "A", "tokens": [1]}, timings={"n": 1}, id_slot=3)
    assert clean_chunk(raw, *NAMED) == {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "glimpse",
        "choices": [{"index": 0, "delta": {"content": "A"}, "logprobs": None, "finish_reason": None}],
    }


def test_the_first_chunk_of_llama_cpp_has_a_role_and_null_content() -> None:
    chunk = clean_chunk(said({"role": "assistant", "content": None}), *NAMED)
    assert chunk is not None
    assert chunk["choices"][0]["delta"] == {"role": "assistant"}


def test_reasoning_is_kept() -> None:
    chunk = clean_chunk(said({"reasoning_content": "Hm"}), *NAMED)
    assert chunk is not None
    assert chunk["choices"][0]["delta"] == {"reasoning_content": "Hm"}


@pytest.mark.parametrize("raw", [{}, {"choices": []}, said({}), {"prompt_progress": {"total": 9}}])
def test_an_empty_chunk_is_dropped(raw: dict[str, Any]) -> None:
    assert clean_chunk(raw, *NAMED) is None


def test_the_last_chunks() -> None:
    end = clean_chunk({"choices": [{"delta": {}, "finish_reason": "length"}]}, *NAMED)
    assert end is not None
    assert end["choices"] == [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "length"}]
    assert clean_chunk({"choices": [], "usage": USAGE}, *NAMED) == usage_chunk(USAGE, *NAMED)


def test_what_an_engine_tells_of_its_counts_is_kept() -> None:
    """Images were dropped. What is not a count, or unknown, is not passed on."""
    told = {
        "prompt_tokens_details": {"cached_tokens": 7, "image_tokens": 58, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 3, "text_tokens": 2},
    }
    assert clean_usage({"usage": {**USAGE, **told}}) == {
        **USAGE,
        "prompt_tokens_details": {"cached_tokens": 7, "image_tokens": 58},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    odd = {"prompt_tokens_details": {"image_tokens": "58"}, "completion_tokens_details": [3]}
    assert clean_usage({"usage": {**USAGE, **odd}}) == USAGE


@pytest.mark.parametrize("said", [{}, {"input_tokens": "7"}, {"input_tokens": True}, {"input_tokens": -1}])
def test_what_is_no_count(said: dict[str, Any]) -> None:
    assert clean_count({"input_tokens": 7}) == 7
    with pytest.raises(EngineRefused, match="not a count of tokens"):
        clean_count(said)


def test_usage_is_counted_again() -> None:
    assert clean_usage({"usage": {**USAGE, "total_tokens": 99, "prompt_tps": 3.0}}) == USAGE
    assert clean_usage({"usage": None}) is None


@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens"])
def test_true_is_no_token_count(name: str) -> None:
    """Python counts `True` as 1, and no test failed when it was accepted as a number of tokens."""
    with pytest.raises(EngineRefused):
        clean_usage({"usage": {**USAGE, name: True}})
    details = {**USAGE, "prompt_tokens_details": {"cached_tokens": True}}
    assert clean_usage({"usage": details}) == USAGE


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"choices": []},
        {"choices": {}},
        {"choices": [5]},
        {"choices": [{"finish_reason": "stop"}]},
        {"choices": [{"finish_reason": "stop", "message": "A"}]},
        {"choices": [{"finish_reason": "stop", "message": {"content": 5}}]},
        {"choices": [{"finish_reason": None, "message": {"content": "A"}}]},
        {"choices": [{"finish_reason": "exploded", "message": {"content": "A"}}]},
        {"choices": [{"finish_reason": "stop", "message": {"content": "A"}}], "usage": {"prompt_tokens": -1}},
        {"choices": [{"finish_reason": "stop", "message": {"content": "A", "tool_calls": "x"}}]},
    ],
)
def test_garbage_is_not_passed_on(raw: dict[str, Any]) -> None:
    with pytest.raises(EngineRefused):
        clean_reply(raw, *NAMED)


@pytest.mark.parametrize("reason", [[], {}, ["stop"], 7, True])
def test_a_reason_of_any_type_is_no_reason(reason: object) -> None:
    """A list was looked for in a set, which is a TypeError and ended as a 500."""
    raw = {"choices": [{"message": {"content": "A"}, "delta": {"content": "A"}, "finish_reason": reason}]}
    for clean in (clean_reply, clean_chunk):
        with pytest.raises(EngineRefused, match="not a reason to finish"):
            clean(raw, *NAMED)


def test_counts_that_no_reader_of_json_keeps_are_refused() -> None:
    """Two counts of 64 bits added up to one that could not be written, and ended as a 500."""
    most = {"prompt_tokens": 2**53, "completion_tokens": 2**53}
    assert json.loads(orjson.dumps(clean_usage({"usage": most})))["total_tokens"] == 2**54
    with pytest.raises(EngineRefused, match="not a count of tokens"):
        clean_usage({"usage": {**most, "prompt_tokens": 2**64 - 1}})


@pytest.mark.parametrize("clean", [clean_reply, clean_chunk])
def test_an_error_in_a_200_is_an_error(clean: Any) -> None:
    """A server that answered 200 with the text of a Python error was believed to work."""
    raw = {**LLAMA_CPP, "error": {"code": 500, "message": "cannot identify <BytesIO at 0x7f0c>"}}
    with pytest.raises(EngineRefused) as caught:
        clean(raw, *NAMED)
    assert caught.value.status == 500
    assert "0x7f" not in str(caught.value)


@pytest.mark.parametrize(
    "theirs",
    [
        {"code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 5000, "n_ctx": 4096},
        "exceed_context_size_error: 5000 tokens, where 4096 fit",
    ],
    ids=["llama.cpp", "mlx"],
)
def test_a_prompt_that_is_too_long_is_the_clients_error(theirs: object) -> None:
    error = engine_refusal(theirs, 400)
    assert isinstance(error, BadRequest)
    assert error.reason == "context_length_exceeded"
    assert isinstance(error, ContextExceeded)
    assert error.most == 4096
    assert "maximum context length is 4096 tokens. However, your messages resulted in 5000" in error.message


@pytest.mark.parametrize("theirs", [{}, {"n_ctx": -1, "n_prompt_tokens": "many"}])
def test_an_engine_that_does_not_say_how_long_the_context_is(theirs: dict[str, object]) -> None:
    error = engine_refusal({"type": "exceed_context_size_error", **theirs}, 400)
    assert isinstance(error, ContextExceeded)
    assert error.most is None
    assert str(error) == "The conversation is longer than the model's context. Send less."


@pytest.mark.parametrize(("theirs", "status"), [("Payload Too Large", 413), ({"code": 413}, 0)])
def test_a_body_that_is_too_large_for_the_engine_is_the_clients_error(theirs: object, status: int) -> None:
    """It was passed on as 400 "status 413"."""
    error = engine_refusal(theirs, status)
    assert isinstance(error, RequestTooLarge)
    assert "images" in error.hint


@pytest.mark.parametrize("theirs", ["out of memory", {"message": "x"}, {"code": "teapot"}, {"code": 7}, True])
def test_an_error_of_any_shape(theirs: object) -> None:
    error = engine_refusal(theirs)
    assert isinstance(error, EngineRefused)
    assert error.status == 0


def test_error_body() -> None:
    assert error_body("No.", "invalid_request_error", "invalid_image", "messages") == {
        "error": {
            "message": "No.",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "invalid_image",
        }
    }
