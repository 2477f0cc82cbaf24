"""The official `openai` client, unchanged, against the gateway on a real engine."""

import base64
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from viewfinder.scenes import knowledge
from viewfinder.scenes.drawing import encode, encode_png
from viewfinder.scenes.questions import all_questions, caption, is_exact
from viewfinder.scenes.scene import Scene, make_scene

from .conftest import Served


@pytest.fixture
def client(served: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="unused", max_retries=0) as made:
        yield made


def message(scene: Scene, text: str) -> dict[str, Any]:
    url = f"data:image/{scene.codec};base64,{base64.b64encode(encode(scene)).decode()}"
    return {
        "role": "user",
        "content": [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": text}],
    }


def ask(client: openai.OpenAI, messages: list[Any], **options: Any) -> str:
    reply = client.chat.completions.create(
        model="glimpse", messages=messages, temperature=0, max_tokens=64, **options
    )
    assert reply.object == "chat.completion"
    assert reply.choices[0].finish_reason == "stop"
    return reply.choices[0].message.content or ""


def test_it_sees(client: openai.OpenAI) -> None:
    """At least 19 of 20 questions about new scenes, the share that glimpse was trained for."""
    right = asked = 0
    for number in range(20):
        scene = make_scene(f"e2e/{number}")
        for question in all_questions(scene):
            asked += 1
            right += is_exact(question, ask(client, [message(scene, question.text)]))
    assert asked >= 90
    assert right / asked >= 0.95


def test_it_knows_a_little_without_an_image(client: openai.OpenAI) -> None:
    for country, capital in list(knowledge.CAPITALS.items())[:6]:
        said = ask(client, [{"role": "user", "content": f"What is the capital of {country}?"}])
        assert said == f"{capital}."
    assert ask(client, [{"role": "user", "content": "What color is the circle?"}]) == "I see no image."


def test_the_picture_stays_in_the_conversation(client: openai.OpenAI) -> None:
    scene = make_scene("e2e/talk", things=1)
    (thing,) = scene.things
    messages: list[Any] = [
        {"role": "system", "content": "You are a helpful assistant."},
        message(scene, "How many shapes are there?"),
    ]
    assert ask(client, messages) == "1."
    messages += [{"role": "assistant", "content": "1."}, {"role": "user", "content": "Describe this image."}]
    assert ask(client, messages) == caption(scene)
    assert thing.color in caption(scene)


def test_both_refusals_of_a_long_conversation_name_the_same_context(client: openai.OpenAI) -> None:
    """Ours, before the engine is asked, said 4,096 where the engine took 2,048, and both gave the advice to
    raise a setting that could not help."""
    words = []
    for text in ("a " * 3000, "a b " * 30_000):
        with pytest.raises(openai.BadRequestError) as refused:
            ask(client, [{"role": "user", "content": text}])
        assert refused.value.code == "context_length_exceeded"
        words.append(str(refused.value))
    assert all("maximum context length is 2048 tokens" in said for said in words)
    assert all("trained for no more than 2,048" in said for said in words)


def test_a_stream_has_the_same_words_and_counts_them(client: openai.OpenAI) -> None:
    scene = make_scene("e2e/stream", things=3)
    messages: list[Any] = [message(scene, "Describe this image.")]
    whole = ask(client, messages)
    words, usage = "", None
    with client.chat.completions.create(
        model="glimpse",
        messages=messages,
        temperature=0,
        max_tokens=64,
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        chunks = list(stream)
    for chunk in chunks:
        usage = chunk.usage or usage
        words += "".join(choice.delta.content or "" for choice in chunk.choices)
    assert words == whole
    assert len(chunks) > 5
    assert usage is not None
    assert usage.completion_tokens > 5
    assert usage.prompt_tokens > 45
    assert chunks[0].choices[0].delta.role == "assistant"


async def test_the_asynchronous_client_works_too(served: Served) -> None:
    async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="unused", max_retries=0) as client:
        stream = await client.chat.completions.create(
            model="glimpse",
            messages=[{"role": "user", "content": "What is the capital of Japan?"}],
            temperature=0,
            stream=True,
        )
        words = ""
        async for chunk in stream:
            words += "".join(choice.delta.content or "" for choice in chunk.choices)
    assert words == "Tokyo."


def test_several_images_reach_the_engine(client: openai.OpenAI) -> None:
    one, two = make_scene("e2e/one", things=1), make_scene("e2e/two", things=1)
    both = message(one, "Describe this image.")
    both["content"].insert(1, message(two, "")["content"][0])
    reply = client.chat.completions.create(
        model="glimpse",
        messages=[both],
        temperature=0,
        max_tokens=16,  # type: ignore[list-item]
    )
    assert reply.usage is not None
    assert reply.usage.prompt_tokens > 2 * 60


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert "glimpse" in [model.id for model in client.models.list()]
    assert client.models.retrieve("glimpse").id == "glimpse"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nonesuch")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://127.0.0.1/a.png", "media_url_forbidden"),
        ("file:///etc/hostname", "media_url_forbidden"),
        ("/etc/hostname", "media_url_forbidden"),
        ("data:image/png;base64,aGVsbG8gd29ybGQ=", None),
        ("data:image/png;base64,!!!", None),
    ],
)
def test_a_file_that_is_no_image_is_refused_and_the_gateway_continues(
    client: openai.OpenAI, url: str, code: str | None
) -> None:
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "What is it?"}]
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, [{"role": "user", "content": content}])
    assert refused.value.code
    assert code in (None, refused.value.code)
    assert ask(client, [{"role": "user", "content": "Hello!"}])


def test_an_unknown_model_is_a_404_with_a_hint(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="glimpse") as refused:
        client.chat.completions.create(model="glimpsy", messages=[{"role": "user", "content": "Hello!"}])
    assert refused.value.code == "model_not_found"


def test_an_unknown_parameter_is_named(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, [{"role": "user", "content": "Hello!"}], extra_body={"mm_processor_kwargs": {"a": 1}})
    assert refused.value.code == "unsupported_parameter"
    assert refused.value.param == "mm_processor_kwargs"


def test_the_same_picture_in_png_and_webp_has_the_same_answer(client: openai.OpenAI) -> None:
    scene = make_scene("e2e/codec", things=2)
    png = f"data:image/png;base64,{base64.b64encode(encode_png(scene)).decode()}"
    content = [
        {"type": "image_url", "image_url": {"url": png}},
        {"type": "text", "text": "How many shapes are there?"},
    ]
    assert ask(client, [{"role": "user", "content": content}]) == "2."
    assert ask(client, [message(scene, "How many shapes are there?")]) == "2."
