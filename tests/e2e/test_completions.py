"""The official `openai` client and /v1/completions on a real engine: a text is continued as it is."""

from collections.abc import Iterator

import openai
import pytest

from .conftest import Served

TEXT = "<|im_start|>user\nWhat is the capital of France?<end_of_utterance>\n<|im_start|>assistant\n"


@pytest.fixture
def client(served: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="unused", max_retries=0) as made:
        yield made


def test_no_template_is_applied(client: openai.OpenAI) -> None:
    """The text has the template already, so the prompt is that of the chat."""
    chat = client.chat.completions.create(
        model="glimpse",
        messages=[{"role": "user", "content": "What is the capital of France?"}],
        temperature=0,
    )
    reply = client.completions.create(model="glimpse", prompt=TEXT, temperature=0)
    assert chat.usage is not None
    assert reply.usage is not None
    assert reply.choices[0].text == chat.choices[0].message.content == "Paris."
    assert reply.usage.prompt_tokens == chat.usage.prompt_tokens


def test_a_stream_has_the_same_words(client: openai.OpenAI) -> None:
    whole = client.completions.create(model="glimpse", prompt=TEXT, temperature=0, echo=True)
    stream = client.completions.create(
        model="glimpse",
        prompt=[TEXT],
        temperature=0,
        echo=True,
        stream=True,
        stream_options={"include_usage": True},
    )
    *chunks, last = list(stream)
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text == f"{TEXT}Paris."
    assert last.usage is not None
    assert whole.usage is not None
    assert last.usage.total_tokens == whole.usage.total_tokens


def test_a_stop_string_and_a_limit(client: openai.OpenAI) -> None:
    stopped = client.completions.create(model="glimpse", prompt=TEXT, temperature=0, stop="is").choices[0]
    assert (stopped.text, stopped.finish_reason) == ("Par", "stop")
    cut = client.completions.create(model="glimpse", prompt="a", temperature=0)
    assert cut.usage is not None
    assert (cut.choices[0].finish_reason, cut.usage.completion_tokens) == ("length", 16)


@pytest.mark.parametrize("number", [0, 3])
def test_log_probabilities(client: openai.OpenAI, number: int) -> None:
    reply = client.completions.create(model="glimpse", prompt=TEXT, temperature=0, logprobs=number)
    logprobs = reply.choices[0].logprobs
    assert logprobs is not None
    assert "".join(logprobs.tokens or ()) == "Paris."
    assert all(value is not None and value <= 0 for value in logprobs.token_logprobs or ())
    if number:
        assert logprobs.top_logprobs is not None
        assert {len(top) for top in logprobs.top_logprobs} == {number}
    else:
        assert logprobs.top_logprobs is None


def test_words_that_stand_for_images_are_words(client: openai.OpenAI) -> None:
    for marker in ("<__media__>", "<image>", "<|vision_start|><|image_pad|><|vision_end|>", "[IMG]"):
        reply = client.completions.create(model="glimpse", prompt=f"{marker} What is it?", max_tokens=4)
        assert reply.usage is not None
        assert reply.usage.prompt_tokens < 50
