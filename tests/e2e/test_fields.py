"""Fields of requests with OpenAI's client and real models on llama.cpp: glimpse, and one whose template has
switches for thinking."""

import functools
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.catalog.gguf_maker import with_template
from tests.e2e.conftest import on_ray, serving
from viewfinder.catalog.catalog import WEIGHTS
from viewfinder.scenes.messages import image_message
from viewfinder.scenes.scene import make_scene
from viewfinder.wire.fields import ROWS

THINKS = """\
{% for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<end_of_utterance>
{% endfor %}{% if enable_thinking %}Think!{% endif %}
{% if reasoning_effort == 'high' %}Think hard!{% endif %}
<|im_start|>assistant
"""
IMAGE = image_message(make_scene("e2e/fields", things=1), "What color is the shape?")
WORDS = {"role": "user", "content": "What is 3 plus 4?"}
HOT: dict[str, Any] = {"temperature": 2, "top_k": 0, "min_p": 0, "top_p": 1, "seed": 5, "ignore_eos": True}
"""Glimpse is sure of its answers, but not of what comes after them."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    folder = tmp_path_factory.mktemp("fields")
    model = with_template(WEIGHTS / "glimpse" / "glimpse-f16.gguf", folder / "thinker.gguf", THINKS)
    projector = WEIGHTS / "glimpse" / "mmproj-glimpse-f16.gguf"
    with serving(folder / "home", model, "--mmproj", projector, "--port", "0", *on_ray()) as served:
        yield openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0)


def asked(client: openai.OpenAI, message: Any = WORDS, **fields: Any) -> tuple[Any, str]:
    """The reply, and what is named in its header."""
    named = {name: fields.pop(name) for name in ("model", "max_tokens", "temperature") if name in fields}
    named = {"model": "glimpse", "temperature": 0, "max_tokens": 24} | named
    raw = client.chat.completions.with_raw_response.create(messages=[message], extra_body=fields, **named)
    return raw.parse(), raw.headers.get("x-viewfinder-ignored", "")


def text(reply: Any) -> str:
    return str(reply.choices[0].message.content)


@pytest.mark.parametrize("message", [WORDS, IMAGE], ids=["words", "image"])
@pytest.mark.parametrize("stream", [None, True], ids=["whole", "stream"])
def test_every_field_null_at_once_is_none_at_all(client: openai.OpenAI, message: Any, stream: Any) -> None:
    """It was once 502 empty_answer."""
    body = dict.fromkeys(ROWS) | {"model": "glimpse", "messages": [message], "stream": stream}
    answers = []
    for one in (body, {name: value for name, value in body.items() if value is not None}):
        raw = client.post("/chat/completions", body=one, cast_to=str, options={"headers": {}})
        if stream:
            events = [json.loads(line[6:]) for line in raw.split("\n\n") if line.startswith("data: {")]
            answers.append("".join(event["choices"][0]["delta"].get("content") or "" for event in events))
        else:
            answers.append(json.loads(raw)["choices"][0]["message"]["content"])
    assert answers[0] == answers[1] != ""


def test_several_answers_to_one_image(client: openai.OpenAI) -> None:
    one, _ = asked(client, IMAGE)
    reply, ignored = asked(client, IMAGE, n=3)
    assert ignored == ""
    assert [choice.index for choice in reply.choices] == [0, 1, 2]
    assert {choice.message.content for choice in reply.choices} == {text(one)}
    assert reply.usage.prompt_tokens == one.usage.prompt_tokens
    assert reply.usage.completion_tokens == 3 * one.usage.completion_tokens


def test_several_answers_differ_if_they_may(client: openai.OpenAI) -> None:
    first, again = (asked(client, **HOT, n=4)[0] for _ in range(2))
    said = [[choice.message.content for choice in reply.choices] for reply in (first, again)]
    assert said[0] == said[1]
    assert len(set(said[0])) > 1


def test_the_official_client_streams_several_answers(client: openai.OpenAI) -> None:
    create = functools.partial(client.chat.completions.create, model="glimpse", temperature=0, stream=True)
    chunks = create(messages=[WORDS], n=2, stream_options={"include_usage": True}, logprobs=True)  # type: ignore[call-overload]
    said, usage = ["", ""], None
    for chunk in chunks:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            said[choice.index] += choice.delta.content or ""
            assert "logprobs" in choice.model_fields_set
            assert not any(
                token.top_logprobs for token in (choice.logprobs and choice.logprobs.content) or ()
            )
    assert said == ["7.", "7."]
    assert usage.completion_tokens == 6


def test_log_probabilities(client: openai.OpenAI) -> None:
    for fields, others in (({"logprobs": True}, 0), ({"logprobs": True, "top_logprobs": 2}, 2)):
        (choice,) = asked(client, **fields)[0].choices
        assert [len(token.top_logprobs) for token in choice.logprobs.content] == [others] * 3
    (choice,) = asked(client, top_logprobs=0)[0].choices
    assert choice.logprobs is None
    assert "logprobs" in choice.model_fields_set


def test_each_sampler_has_an_effect(client: openai.OpenAI) -> None:
    surest = text(asked(client, ignore_eos=True)[0])
    assert text(asked(client, **HOT)[0]) != surest
    for name, value in (("top_k", 1), ("min_p", 1)):
        assert text(asked(client, **{**HOT, name: value})[0]) == surest
    assert text(asked(client, ignore_eos=True, repeat_penalty=2)[0]) != surest


def test_a_bias_forbids_a_token(client: openai.OpenAI) -> None:
    every = {str(token): -100 for token in range(30, 34)}  # 7 among them
    assert text(asked(client)[0]) == "7."
    assert "7" not in text(asked(client, logit_bias=every)[0])


def test_an_answer_may_be_as_long_as_is_allowed(client: openai.OpenAI) -> None:
    reply, ignored = asked(client, ignore_eos=True, max_tokens=20)
    assert (reply.usage.completion_tokens, reply.choices[0].finish_reason, ignored) == (20, "length", "")


def test_more_tokens_than_there_are_is_lowered_and_told(client: openai.OpenAI) -> None:
    reply, ignored = asked(client, max_tokens=10**9)
    assert (text(reply), ignored) == ("7.", "max_tokens (lowered to 16384)")


def test_thinking_is_for_a_template_that_has_a_switch(client: openai.OpenAI) -> None:
    plain = asked(client, model="thinker")[0].usage.prompt_tokens
    for fields in (
        {"enable_thinking": False},
        {"thinking": {"type": "disabled"}},
        {"reasoning_effort": "none"},
    ):
        reply, ignored = asked(client, model="thinker", **fields)
        assert (reply.usage.prompt_tokens, ignored) == (plain, "")
        assert asked(client, **fields)[1] == next(iter(fields))
    for fields in (
        {"enable_thinking": True},
        {"thinking": {"type": "enabled"}},
        {"reasoning_effort": "high"},
    ):
        reply, ignored = asked(client, model="thinker", **fields)
        assert reply.usage.prompt_tokens > plain
        assert ignored == ""
