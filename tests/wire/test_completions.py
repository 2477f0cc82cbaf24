"""Texts that are continued, in the words of chat completions."""

import json
from typing import Any

import pytest
from openai.types import Completion

from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest, EngineRefused
from viewfinder.wire.chat import ParsedRequest, parse_request
from viewfinder.wire.completions import CompletionAnswer, Completions, as_chat
from viewfinder.wire.replies import clean_reply
from viewfinder.wire.sse import EventReader

NAMED = ("glimpse", "cmpl-1", 1700000000)
TOPS = [{"token": "A", "logprob": -0.5, "bytes": [65]}, {"token": "B", "logprob": -1.5, "bytes": [66]}]
TOKENS = [
    {"token": "A ", "logprob": -0.5, "bytes": [65, 32], "top_logprobs": TOPS},
    {"token": "réd", "logprob": -0.25, "bytes": None, "top_logprobs": TOPS},
]


def parsed(**fields: Any) -> ParsedRequest:
    body = {"model": "glimpse", "prompt": "Once", **fields}
    return parse_request(json.dumps(body).encode(), Limits(), Completions())


@pytest.mark.parametrize("prompt", ["Once", ["Once"]])
def test_a_prompt_becomes_a_message(prompt: Any) -> None:
    request = parsed(prompt=prompt, stop=".", seed=7, temperature=0.5).request
    assert request.for_engine([]) == {
        "messages": [{"role": "user", "content": "Once"}],
        "stream": False,
        "max_tokens": 16,
        "stop": ["."],
        "seed": 7,
        "temperature": 0.5,
    }


def test_what_asks_for_nothing_is_no_fault() -> None:
    nothing = {"suffix": "", "echo": False, "best_of": 1, "n": 1, "logprobs": None, "tools": [], "stop": None}
    assert parsed(**nothing).request == parsed().request
    assert parsed(**nothing).ignored == ()


def test_what_has_no_effect_is_named() -> None:
    assert parsed(user="me").ignored == ("user",)


@pytest.mark.parametrize(
    ("fields", "code", "param", "says"),
    [
        ({"prompt": None}, "invalid_request", "prompt", "'prompt' is missing"),
        ({"prompt": ""}, "invalid_request", "prompt", "should not be empty"),
        ({"prompt": []}, "invalid_request", "prompt", "should not be empty"),
        ({"prompt": 7}, "invalid_request", "prompt", "should be a string"),
        ({"prompt": [7, 8]}, "unsupported_parameter", "prompt", "token ids is not supported. Send the text"),
        ({"prompt": [[7]]}, "unsupported_parameter", "prompt", "token ids is not supported"),
        ({"prompt": ["a", "b"]}, "unsupported_parameter", "prompt", "2 prompts; one is supported. Send a"),
        ({"suffix": "end"}, "unsupported_parameter", "suffix", "not filled in. Leave 'suffix' out"),
        ({"best_of": 3}, "unsupported_parameter", "best_of", "'best_of' is not supported"),
        ({"echo": True, "logprobs": 0}, "unsupported_parameter", "echo", "'echo' with 'logprobs' is not"),
        ({"logprobs": 21}, "invalid_request", "logprobs", "at most 20"),
        ({"logprobs": True}, "invalid_request", "logprobs", "integer"),
        ({"max_tokens": 0}, "invalid_request", "max_tokens", "at least 1"),
        ({"messages": [{}]}, "unsupported_parameter", "messages", "belongs to POST /v1/chat/completions"),
        ({"tools": [{}]}, "unsupported_parameter", "tools", "not supported"),
        ({"n_discard": 1}, "unsupported_parameter", "n_discard", "not supported"),
    ],
)
def test_refused(fields: dict[str, Any], code: str, param: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as refused:
        parsed(**fields)
    assert (refused.value.reason, refused.value.param) == (code, param)


def reply(text: str = "A réd", logprobs: object = None) -> dict[str, Any]:
    raw = {"choices": [{"index": 0, "text": text, "logprobs": logprobs, "finish_reason": "stop"}]}
    return clean_reply(as_chat(raw), *NAMED, 2)


def test_a_reply_is_what_the_official_client_reads() -> None:
    said = CompletionAnswer("Once ").whole(reply())
    assert said["choices"] == [{"text": "Once A réd", "index": 0, "logprobs": None, "finish_reason": "stop"}]
    Completion.model_validate(said, strict=True)


def test_log_probabilities() -> None:
    said = CompletionAnswer("", others=1).whole(reply(logprobs={"content": TOKENS}))
    assert said["choices"][0]["logprobs"] == {
        "tokens": ["A ", "réd"],
        "token_logprobs": [-0.5, -0.25],
        "top_logprobs": [{"A": -0.5}, {"A": -0.5}],
        "text_offset": [0, 2],
    }
    none_beside = CompletionAnswer("", others=0).whole(reply(logprobs={"content": TOKENS}))
    assert none_beside["choices"][0]["logprobs"]["top_logprobs"] is None
    not_wanted = CompletionAnswer("").whole(reply(logprobs={"content": TOKENS}))
    assert not_wanted["choices"][0]["logprobs"] is None


def test_log_probabilities_of_other_servers() -> None:
    theirs = {"tokens": ["A "], "token_logprobs": [-0.5], "top_logprobs": [{"A": -0.5, "B": -1}]}
    said = CompletionAnswer("", others=2).whole(reply("A ", theirs))
    assert said["choices"][0]["logprobs"] == {**theirs, "text_offset": [0]}


def test_a_stream_begins_with_the_prompt_and_counts_its_characters() -> None:
    answer = CompletionAnswer("Once ", others=0)
    chunks = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]},
        *(
            {
                "choices": [
                    {
                        "index": 0,
                        "delta": {"content": token["token"]},
                        "logprobs": {"content": [token]},
                        "finish_reason": None,
                    }
                ]
            }
            for token in TOKENS
        ),
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 1}},
    ]
    reader = EventReader()
    sent = [json.loads(one) for chunk in chunks for data in answer.events(chunk) for one in reader.feed(data)]
    assert [chunk["object"] for chunk in sent] == ["text_completion"] * 5
    assert [choice["text"] for chunk in sent for choice in chunk["choices"]] == ["Once ", "A ", "réd", ""]
    offsets = [choice["logprobs"]["text_offset"] for chunk in sent[1:3] for choice in chunk["choices"]]
    assert offsets == [[5], [7]]
    assert sent[-1]["choices"] == []


def test_without_echo_the_first_event_has_words() -> None:
    opening = {"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": None}]}
    assert list(CompletionAnswer().events(opening)) == []


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"choices": None},
        {"choices": []},
        {"choices": ["x"]},
        {"choices": {"text": "A"}},
        {"choices": [{"text": 7, "finish_reason": "stop"}]},
        {"choices": [{"text": "A", "finish_reason": "bored"}]},
        {"error": {"message": "x"}},
    ],
)
def test_what_is_no_completion(raw: dict[str, Any]) -> None:
    with pytest.raises(EngineRefused):
        clean_reply(as_chat(raw), *NAMED)
