"""A chat request from end to end, with the official client where possible."""

import asyncio
import base64
import io
from typing import Any

import openai
import pytest
from PIL import Image

from viewfinder.core.config import Limits

QUESTION = [{"role": "user", "content": "What is it?"}]


def picture(color: str, size: tuple[int, int] = (40, 30)) -> str:
    data = io.BytesIO()
    Image.new("RGB", size, color).save(data, "PNG")
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()


def showing(*urls: str, **more: Any) -> list[dict[str, Any]]:
    images = [{"type": "image_url", "image_url": {"url": url, **more}} for url in urls]
    return [{"role": "user", "content": [*images, {"type": "text", "text": "What is it?"}]}]


def opened(url: str) -> Image.Image:
    head, _, data = url.partition(",")
    assert head.startswith("data:image/")
    return Image.open(io.BytesIO(base64.b64decode(data)))


@pytest.fixture
async def client(gateway):
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


async def test_a_reply(client, gateway) -> None:
    reply = await client.chat.completions.create(model="both", messages=QUESTION)
    assert reply.choices[0].message.content == "A réd circle."
    assert reply.choices[0].message.role == "assistant"
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.total_tokens == 10
    assert reply.model == "both"
    assert reply.id.startswith("chatcmpl-")
    assert "timings" not in reply.model_extra
    assert gateway.fleet.leases == 0


async def test_a_stream(client, gateway) -> None:
    stream = await client.chat.completions.create(model="both", messages=QUESTION, stream=True)
    chunks = [chunk async for chunk in stream]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].delta.role for chunk in chunks[1:]] == [None] * (len(chunks) - 1)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "A réd circle."
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.usage is None and "timings" not in chunk.model_extra for chunk in chunks)
    assert gateway.fleet.leases == 0


async def test_a_stream_ends_with_its_usage_when_asked(client) -> None:
    stream = await client.chat.completions.create(
        model="both", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    *chunks, last = [chunk async for chunk in stream]
    assert last.choices == []
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (7, 3)
    assert all(chunk.usage is None for chunk in chunks)


async def test_the_bytes_of_a_stream(gateway) -> None:
    async with gateway.post("hello", stream=True) as reply:
        assert reply.content_type == "text/event-stream"
        assert reply.headers["cache-control"] == "no-cache"
        text = await reply.text()
    assert text.startswith('data: {"id":"chatcmpl-')
    assert text.endswith("\n\ndata: [DONE]\n\n")


def ask_without_async(url: str) -> tuple[str, str]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client:
        whole = client.chat.completions.create(model="both", messages=QUESTION)
        stream = client.chat.completions.create(model="both", messages=QUESTION, stream=True)
        streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
        return whole.choices[0].message.content, streamed


async def test_the_client_without_async(gateway) -> None:
    assert await asyncio.to_thread(ask_without_async, gateway.url) == ("A réd circle.",) * 2


async def test_the_clients_own_stream_helper(client) -> None:
    async with client.chat.completions.stream(model="both", messages=QUESTION) as stream:
        final = await stream.get_final_completion()
    assert final.choices[0].message.content == "A réd circle."


async def test_engines_get_our_own_pictures_in_order(client, gateway) -> None:
    red, blue = picture("red"), picture("blue", (50, 20))
    await client.chat.completions.create(model="both", messages=showing(red, blue), user="someone")
    parts = gateway.engine.asked[0]["messages"][0]["content"]
    first, second = (opened(part["image_url"]["url"]) for part in parts[:2])
    assert (first.size, first.convert("RGB").getpixel((0, 0))) == ((40, 30), (255, 0, 0))
    assert (second.size, second.convert("RGB").getpixel((0, 0))) == ((50, 20), (0, 0, 255))
    assert "user" not in gateway.engine.asked[0]


async def test_a_low_detail_is_a_smaller_picture(client, gateway) -> None:
    await client.chat.completions.create(
        model="both", messages=showing(picture("red", (1024, 256)), detail="low")
    )
    part = gateway.engine.asked[0]["messages"][0]["content"][0]
    assert opened(part["image_url"]["url"]).size == (512, 128)
    assert "detail" not in part["image_url"]


async def test_an_image_that_the_model_cannot_use_whole_is_scaled_down_and_named(
    gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such images failed as a whole: 16 of them were sent as 4 GB, which no engine takes."""
    monkeypatch.setattr("viewfinder.gateway.pictures.USABLE_PIXELS", 40_000)
    body = {"model": "both", "messages": showing(picture("red"), picture("blue", (1000, 250)))}
    async with gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body) as reply:
        assert reply.status == 200
        named = reply.headers["x-viewfinder-reduced"]
    assert named == "messages[0].content[1] from 1000x250 to 400x100"
    parts = gateway.engine.asked[0]["messages"][0]["content"]
    assert [opened(part["image_url"]["url"]).size for part in parts[:2]] == [(40, 30), (400, 100)]


async def test_the_images_of_a_request_share_what_may_be_sent(start) -> None:
    """They are scaled down, not refused; alone, the image is sent as it is."""
    gateway = await start(limits={"encoded_bytes": 200_000})
    noise = io.BytesIO()
    Image.effect_noise((230, 230), 90).convert("RGB").save(noise, "PNG")
    url = "data:image/png;base64," + base64.b64encode(noise.getvalue()).decode()
    for images in (1, 3):
        body = {"model": "both", "messages": showing(*[url] * images)}
        async with gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body) as reply:
            assert reply.status == 200
            assert ("x-viewfinder-reduced" in reply.headers) == (images > 1)
    alone, together = (
        [part["image_url"]["url"] for part in asked["messages"][0]["content"][:-1]]
        for asked in gateway.engine.asked
    )
    assert opened(alone[0]).size == (230, 230)
    assert sum(map(len, together)) <= 200_000 + 3 * 30
    assert all(opened(url).width > 100 for url in together)


async def test_fields_without_an_effect_are_named(gateway) -> None:
    async with gateway.post("hello", user="someone", store=False, temperature=0) as reply:
        assert reply.headers["x-viewfinder-ignored"] == "store, user"
    async with gateway.post("hello", stream=True, metadata={}) as reply:
        assert reply.headers["x-viewfinder-ignored"] == "metadata"
    async with gateway.post("hello", temperature=0) as reply:
        assert "x-viewfinder-ignored" not in reply.headers


async def refusal(client: openai.AsyncOpenAI, **asked: Any) -> dict[str, Any]:
    with pytest.raises(openai.APIStatusError) as refused:
        await client.chat.completions.create(**{"model": "both", "messages": QUESTION, **asked})
    assert isinstance(refused.value.body, dict)
    return {"status": refused.value.status_code, **refused.value.body}


async def test_a_blind_model_is_not_loaded_for_a_picture(client, gateway) -> None:
    said = await refusal(client, model="blind", messages=showing(picture("red")))
    assert (said["status"], said["code"], said["param"]) == (400, "vision_not_supported", "messages")
    assert "Models that can: both, eyes" in said["message"]
    assert gateway.fleet.loads == []


async def test_a_model_that_only_sees_is_not_loaded_for_text(client, gateway) -> None:
    said = await refusal(client, model="eyes")
    assert (said["status"], said["code"]) == (400, "image_required")
    assert "both, blind" in said["message"]
    assert gateway.fleet.loads == []


async def test_a_model_is_not_loaded_for_more_images_than_it_takes(client, gateway) -> None:
    said = await refusal(client, model="one-eye", messages=showing(picture("red"), picture("blue")))
    assert (said["status"], said["code"]) == (400, "too_many_images")
    assert "takes 1. Models that can: both, eyes" in said["message"]
    assert gateway.fleet.loads == []


async def test_a_model_is_not_loaded_for_a_text_that_cannot_fit(client, gateway) -> None:
    book = [{"role": "user", "content": "a large word " * 10_000}]
    said = await refusal(client, messages=book)
    assert (said["status"], said["code"]) == (400, "context_length_exceeded")
    assert (
        "maximum context length is 4096 tokens. However, your messages resulted in at least 8125"
        in (said["message"])
    )
    assert gateway.fleet.loads == []


async def test_a_long_text_that_may_fit_is_left_to_the_engine(client, gateway) -> None:
    await client.chat.completions.create(
        model="both", messages=[{"role": "user", "content": "-" * 100_000 + "What is it?"}]
    )
    assert gateway.fleet.loads == ["both"]


async def test_an_unknown_model(client, gateway) -> None:
    said = await refusal(client, model="nobody")
    assert (said["status"], said["code"], said["param"]) == (404, "model_not_found", "model")
    assert "Look again." in said["message"]


async def test_a_bad_picture_is_named_by_its_place_and_loads_nothing(client, gateway) -> None:
    said = await refusal(client, messages=showing(picture("red"), "data:image/png;base64,aGVsbG8="))
    assert said["status"] == 400
    assert said["param"] == "messages[0].content[1].image_url.url"
    assert gateway.fleet.loads == []


async def test_a_model_that_does_not_load(client, gateway) -> None:
    said = await refusal(client, model="unloadable")
    assert (said["status"], said["code"]) == (502, "engine_died")
    assert "Its log says why." in said["message"]


async def test_a_missing_engine_says_how_to_install_it(client) -> None:
    said = await refusal(client, model="uninstalled")
    assert (said["status"], said["code"]) == (503, "engine_missing")
    assert "Run: pip" in said["message"]


@pytest.mark.parametrize(("model", "status", "looks"), [("both", 200, 0), ("blind", 400, 1)])
async def test_the_catalog_is_looked_through_only_for_a_refusal(
    gateway, monkeypatch, model: str, status: int, looks: int
) -> None:
    """Every request looked for the files of every model, for a hint that only refusals show: 678 us."""
    calls: list[str] = []
    cards = gateway.fleet.cards

    def counted() -> list[Any]:
        calls.append(model)
        return cards()

    monkeypatch.setattr(gateway.fleet, "cards", counted)
    body = {"model": model, "messages": showing(picture("red"))}
    async with gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body) as reply:
        assert reply.status == status
    assert len(calls) == looks


@pytest.mark.parametrize(
    ("path", "field", "named"),
    [
        ("/v1/responses", "messages", "POST /v1/chat/completions"),
        ("/v1/chat/completions", "input", "POST /v1/responses"),
        ("/v1/chat/completions", "system", "POST /v1/messages"),
        ("/v1/chat/completions", "prompt", "POST /v1/completions"),
        ("/v1/completions", "messages", "POST /v1/chat/completions"),
        ("/v1/messages", "input", "POST /v1/responses"),
    ],
)
async def test_a_body_for_another_api_is_told_where_it_goes(gateway, path, field, named) -> None:
    said = [{"role": "user", "content": "What is it?"}]
    body = {"model": "both", "temperature": 0, "max_tokens": 9, "top_k": 1, field: said}
    async with gateway.http.post(gateway.url + path, json=body) as reply:
        assert reply.status == 400
        error = (await reply.json())["error"]
    assert (error["code"], error["param"]) == ("unsupported_parameter", field)
    assert named in error["message"]
    assert gateway.fleet.loads == []


@pytest.mark.parametrize("begun", ["DATA:image/png;base64,", " \n data:image/png;base64,"])
async def test_a_large_picture_may_begin_in_capitals_or_with_blanks(client, gateway, begun: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (1000, 900), "red").save(file, "PNG", compress_level=0)
    url = begun + base64.b64encode(file.getvalue()).decode()
    assert len(url) > Limits().text_bytes
    await client.chat.completions.create(model="both", messages=showing(url))
    sent = gateway.engine.asked[-1]["messages"][0]["content"][0]["image_url"]["url"]
    assert opened(sent).size == (1000, 900)
