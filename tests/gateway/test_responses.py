"""POST /v1/responses and what follows, over a faulty engine: what is kept, for whom, and what never becomes
the base of another turn."""

import asyncio
import base64
import io
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from viewfinder.core.config import ResponsesSettings
from viewfinder.gateway.kept import KeptTurns
from viewfinder.gateway.keys import KeyFile
from viewfinder.wire.sse import EventReader

from .conftest import USAGE, Gateway, Start

SAID = "A réd circle."
Opened = Callable[..., Awaitable[Gateway]]


def data_url(color: str, format: str = "PNG") -> str:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), color).save(file, format)
    return f"data:image/{format.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"


def shown(text: str, *urls: str) -> list[dict[str, Any]]:
    images = [{"type": "input_image", "image_url": url} for url in urls]
    return [{"role": "user", "content": [{"type": "input_text", "text": text}, *images]}]


async def ask(gateway: Gateway, input: Any, status: int = 200, **more: Any) -> dict[str, Any]:
    headers = more.pop("headers", {})
    body = {"model": "both", "input": input, **more}
    async with gateway.http.post(f"{gateway.url}/v1/responses", json=body, headers=headers) as reply:
        answer: dict[str, Any] = await reply.json()
        assert reply.status == status, answer
        return answer


async def stream(gateway: Gateway, input: Any, **more: Any) -> list[dict[str, Any]]:
    body = {"model": "both", "input": input, "stream": True, **more}
    async with gateway.http.post(f"{gateway.url}/v1/responses", json=body) as reply:
        assert reply.status == 200
        return [json.loads(one) for one in EventReader().feed(await reply.read())]


async def call(gateway: Gateway, method: str, path: str, status: int = 200, **more: Any) -> dict[str, Any]:
    async with gateway.http.request(method, f"{gateway.url}/v1/responses/{path}", **more) as reply:
        answer: dict[str, Any] = await reply.json()
        assert reply.status == status, answer
        return answer


def text_of(response: dict[str, Any]) -> str:
    return "".join(part["text"] for item in response["output"] for part in item["content"])


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[KeptTurns]:
    kept = KeptTurns(tmp_path / "responses", ResponsesSettings())
    yield kept
    kept.close()


@pytest.fixture
async def gateway(start: Start, kept: KeptTurns) -> Gateway:
    gateway = await start(kept=kept)
    gateway.fleet.events.listen(kept.hear)
    return gateway


async def test_a_whole_reply(gateway: Gateway) -> None:
    response = await ask(gateway, "Hi.", instructions="Short.", metadata={"a": "b"})
    assert text_of(response) == SAID
    assert (response["status"], response["store"], response["metadata"]) == ("completed", True, {"a": "b"})
    assert response["usage"]["input_tokens"] == USAGE["prompt_tokens"]
    assert [message["role"] for message in gateway.engine.asked[0]["messages"]] == ["system", "user"]
    async with gateway.http.get(f"{gateway.url}/v1/answers/{response['id']}") as reply:
        assert (await reply.json())["status"] == "unconfirmed"


async def test_a_stream(gateway: Gateway) -> None:
    events = await stream(gateway, "Hi.")
    assert "".join(event["delta"] for event in events if event["type"].endswith("text.delta")) == SAID
    last = events[-1]
    assert (last["type"], last["response"]["usage"]["output_tokens"]) == ("response.completed", 3)
    assert (await call(gateway, "GET", last["response"]["id"])) == last["response"]


async def test_turns_are_sent_as_a_chat_with_its_history_is(gateway: Gateway) -> None:
    """The engine gets the same messages and the same bytes of images, so that it knows them again."""
    red, blue = data_url("red", "JPEG"), data_url("blue")
    first = await ask(gateway, shown("One.", red), instructions="Only now.")
    second = (await stream(gateway, "Two.", previous_response_id=first["id"]))[-1]["response"]
    await ask(gateway, shown("Three.", blue), previous_response_id=second["id"], instructions="Also.")
    chat = [
        {"role": "system", "content": "Also."},
        {"role": "user", "content": [{"type": "text", "text": "One."}, image(red)]},
        {"role": "assistant", "content": SAID},
        {"role": "user", "content": "Two."},
        {"role": "assistant", "content": SAID},
        {"role": "user", "content": [{"type": "text", "text": "Three."}, image(blue)]},
    ]
    async with gateway.http.post(
        f"{gateway.url}/v1/chat/completions", json={"model": "both", "messages": chat}
    ) as reply:
        assert reply.status == 200
    by_turns, whole = gateway.engine.asked[-2:]
    assert by_turns == whole


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


async def test_a_model_that_takes_less_gets_the_image_smaller(gateway: Gateway) -> None:
    first = await ask(gateway, shown("One.", data_url("red")))
    variant = gateway.fleet.card("both").variants[0]
    small = variant.model_copy(update={"image_pixels": 64})
    gateway.fleet.variant_of = lambda model: small  # type: ignore[method-assign]
    await ask(gateway, "Two.", previous_response_id=first["id"])
    url = gateway.engine.asked[-1]["messages"][0]["content"][1]["image_url"]["url"]
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as seen:
        assert seen.size == (8, 8)


async def test_kept_images_have_their_share_of_a_request_too(
    gateway: Gateway, start: Start, kept: KeptTurns
) -> None:
    """Sixteen turns with an image each must not become more bytes than one request with sixteen."""
    file = io.BytesIO()
    Image.effect_noise((64, 64), 100).save(file, "PNG")
    noise = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    first = await ask(gateway, shown("One.", noise))
    sent = gateway.engine.asked[-1]["messages"][0]["content"][1]["image_url"]["url"]
    narrow = await start(kept=kept, limits={"encoded_bytes": len(sent) // 2})
    await ask(narrow, "Two.", previous_response_id=first["id"])
    again = gateway.engine.asked[-1]["messages"][0]["content"][1]["image_url"]["url"]
    assert len(again) <= len(sent) // 2


async def test_many_at_once(gateway: Gateway) -> None:
    """Turns from one response, while it is deleted: each is answered or refused, and all that is told to be
    kept is."""
    first = await ask(gateway, shown("One.", data_url("red")))

    async def turn(number: int) -> tuple[int, dict[str, Any]]:
        body = {"model": "both", "input": f"{number}", "previous_response_id": first["id"]}
        async with gateway.http.post(f"{gateway.url}/v1/responses", json=body) as reply:
            return reply.status, await reply.json()

    answers = await asyncio.gather(*map(turn, range(20)), call(gateway, "DELETE", first["id"]))
    answered = [answer for status, answer in answers[:-1] if status == 200]
    refused = [answer["error"]["code"] for status, answer in answers[:-1] if status != 200]
    assert set(refused) <= {"previous_response_not_found"}
    for answer in answered:
        await call(gateway, "GET", answer["id"], 200 if answer["store"] else 404)


async def test_nothing_is_kept_that_is_not_to_be(gateway: Gateway, tmp_path: Path) -> None:
    response = await ask(gateway, "Secret.", store=False)
    await call(gateway, "GET", response["id"], 404)
    error = await ask(gateway, "Two.", 400, previous_response_id=response["id"])
    assert error["error"]["code"] == "previous_response_not_found"
    assert error["error"]["param"] == "previous_response_id"
    assert "1 h" in error["error"]["message"]
    assert not (tmp_path / "responses").exists()


async def test_a_server_that_keeps_nothing_says_so(start: Start) -> None:
    gateway = await start()
    response = await ask(gateway, "Hi.")
    assert response["store"] is False
    assert (
        "keep_s" in (await ask(gateway, "Hi.", 400, previous_response_id=response["id"]))["error"]["message"]
    )
    async with gateway.http.post(
        f"{gateway.url}/v1/responses", json={"model": "both", "input": "Hi.", "store": True}
    ) as reply:
        assert reply.headers["x-viewfinder-ignored"] == "store"


async def test_an_effort_that_the_template_has_no_place_for_is_named(start: Start) -> None:
    gateway = await start()
    body = {"model": "both", "input": "Hi.", "reasoning": {"effort": "low"}}
    async with gateway.http.post(f"{gateway.url}/v1/responses", json=body) as reply:
        assert reply.headers["x-viewfinder-ignored"] == "reasoning.effort"
        assert (await reply.json())["reasoning"] == {"effort": "low", "summary": None}


@pytest.mark.parametrize(
    "id", ["", "x", "resp_1", f"resp_{'0' * 32}", "../../etc/passwd", "' OR 1=1 --", "\x00", "é" * 500]
)
async def test_guessed_ids(gateway: Gateway, id: str) -> None:
    error = await ask(gateway, "Hi.", 400, previous_response_id=id)
    assert error["error"]["code"] == ("previous_response_not_found" if "\x00" not in id else "invalid_json")
    assert len(error["error"]["message"]) < 500
    error = await ask(gateway, [{"type": "item_reference", "id": id}], 404 if "\x00" not in id else 400)
    if id and "/" not in id and "\x00" not in id:
        error = await call(gateway, "GET", id, 404)
        assert error["error"]["code"] == "response_not_found"


async def test_each_key_has_its_own(start: Start, kept: KeptTurns, tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    ann, bob = ({"headers": {"authorization": f"Bearer {keys.add(name)}"}} for name in ("ann", "bob"))
    gateway = await start(kept=kept, keys=keys)
    response = await ask(gateway, "Ann's.", **ann)
    id, item = response["id"], response["output"][0]["id"]
    for method, path in (("GET", id), ("DELETE", id), ("GET", f"{id}/input_items"), ("POST", f"{id}/cancel")):
        headers = bob["headers"] | {"content-type": "application/json"}
        error = await call(gateway, method, path, 404, headers=headers)
        assert error["error"]["code"] == "response_not_found"
    await ask(gateway, "Bob's.", 400, previous_response_id=id, **bob)
    await ask(gateway, [{"type": "item_reference", "id": item}], 404, **bob)
    assert (await call(gateway, "GET", id, **ann))["id"] == id
    await ask(gateway, [{"type": "item_reference", "id": item}, *shown("And?")], **ann)
    assert gateway.engine.asked[-1]["messages"][0] == {"role": "assistant", "content": SAID}


async def test_a_deleted_turn_ends_the_conversation(gateway: Gateway) -> None:
    first = await ask(gateway, "One.")
    second = await ask(gateway, "Two.", previous_response_id=first["id"])
    deleted = await call(gateway, "DELETE", first["id"])
    assert deleted == {"id": first["id"], "object": "response", "deleted": True}
    await call(gateway, "DELETE", first["id"], 404)
    await ask(gateway, "Three.", 400, previous_response_id=second["id"])


async def test_input_items_in_pages(gateway: Gateway) -> None:
    items = [*shown("One.", data_url("red")), {"role": "assistant", "content": "Hm."}, *shown("Two.")]
    id = (await ask(gateway, items))["id"]
    page = await call(gateway, "GET", f"{id}/input_items?order=asc&limit=2")
    assert [item["role"] for item in page["data"]] == ["user", "assistant"]
    assert page["data"][0]["content"][1] == {
        "type": "input_image",
        "detail": "auto",
        "image_url": None,
        "file_id": None,
    }
    assert page["data"][1]["content"][0]["type"] == "output_text"
    assert page["has_more"]
    rest = await call(gateway, "GET", f"{id}/input_items?order=asc&after={page['last_id']}")
    assert [item["content"][0]["text"] for item in rest["data"]] == ["Two."]
    assert not rest["has_more"]
    newest = await call(gateway, "GET", f"{id}/input_items")
    assert [item["id"] for item in newest["data"]][::-1] == [
        page["data"][0]["id"],
        page["last_id"],
        rest["last_id"],
    ]
    for query in ("limit=0", "limit=101", "limit=x", "limit=%C2%B2", "order=up", "after=x"):
        await call(gateway, "GET", f"{id}/input_items?{query}", 400)


async def test_nothing_can_be_cancelled_or_streamed_later(gateway: Gateway) -> None:
    id = (await ask(gateway, "Hi."))["id"]
    error = await call(gateway, "POST", f"{id}/cancel", 400, json={})
    assert error["error"]["code"] == "not_cancellable"
    await call(gateway, "GET", f"{id}?stream=true", 400)


async def test_a_failed_answer_is_no_base(gateway: Gateway) -> None:
    events = await stream(gateway, "die in the middle")
    assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
    await ask(gateway, "Two.", 400, previous_response_id=events[-1]["response"]["id"])


async def test_an_error_before_the_first_word_is_an_http_error(gateway: Gateway) -> None:
    body = {"model": "both", "input": "fail", "stream": True}
    async with gateway.http.post(f"{gateway.url}/v1/responses", json=body) as reply:
        assert reply.status == 502
        assert (await reply.json())["error"]["code"] == "engine_refused"


async def test_a_suspect_answer_is_no_base(gateway: Gateway, kept: KeptTurns) -> None:
    """An answer from before the canary's failure would become a part of the next question, unnoticed."""
    good = await ask(gateway, "One.")
    gateway.fleet.answers.confirm("both")
    bad = await ask(gateway, "Two.", previous_response_id=good["id"])
    after = await ask(gateway, "Three.", previous_response_id=bad["id"])
    ids = gateway.fleet.answers.suspect("both", "stale")
    for ending in (bad, after):
        error = (await ask(gateway, "Four.", 400, previous_response_id=ending["id"]))["error"]
        assert (error["code"], error["param"]) == ("previous_response_suspect", "previous_response_id")
        assert good["id"] in error["message"]
    seen = await call(gateway, "GET", bad["id"])
    assert (seen["status"], seen["error"]["code"]) == ("failed", "server_error")
    assert "stale" in seen["error"]["message"]
    reference = [{"type": "item_reference", "id": bad["output"][0]["id"]}, *shown("And?")]
    assert (await ask(gateway, reference, 400))["error"]["code"] == "previous_response_suspect"
    assert (await call(gateway, "GET", good["id"]))["status"] == "completed"
    await ask(gateway, "Two again.", previous_response_id=good["id"])
    # it stays so when the fleet has forgotten
    gateway.fleet.events.emit("suspect", "both", answers=ids, fault="stale")
    gateway.fleet.answers = type(gateway.fleet.answers)()
    assert (await call(gateway, "GET", bad["id"]))["status"] == "failed"


async def test_a_full_disk_does_not_cost_the_answer(gateway: Gateway, kept: KeptTurns) -> None:
    first = await ask(gateway, "One.")
    database = kept.store._opened()
    full = f"PRAGMA max_page_count = {database.execute('PRAGMA page_count').fetchone()[0]}"
    database.execute(full)
    body = {"model": "both", "input": shown("x" * 20_000), "previous_response_id": first["id"]}
    async with gateway.http.post(f"{gateway.url}/v1/responses", json=body) as reply:
        assert reply.status == 200
        assert "full" in reply.headers["x-viewfinder-not-kept"]
        response = await reply.json()
    assert (text_of(response), response["store"]) == (SAID, False)
    streamed = (await stream(gateway, "x" * 20_000))[-1]
    assert (streamed["type"], streamed["response"]["store"]) == ("response.completed", False)
    error = await ask(gateway, "Two.", 400, previous_response_id=response["id"])
    assert "full" in error["error"]["message"]


async def test_a_disk_that_cannot_be_read_is_told(gateway: Gateway, kept: KeptTurns) -> None:
    first = await ask(gateway, "One.")
    other = sqlite3.connect(kept.store._folder / "kept.sqlite")
    other.execute("DROP TABLE responses")
    other.close()
    error = await ask(gateway, "Two.", 500, previous_response_id=first["id"])
    assert error["error"]["code"] == "responses_unreadable"


async def test_a_conversation_stays_within_the_limits_of_a_request(start: Start, kept: KeptTurns) -> None:
    gateway = await start(kept=kept, limits={"messages": 5, "images": 2, "text_bytes": 20_000})
    response = await ask(gateway, shown("One.", data_url("red")))
    two = await ask(gateway, shown("Two.", data_url("red")), previous_response_id=response["id"])
    error = await ask(gateway, shown("!", data_url("red")), 400, previous_response_id=two["id"])
    assert (error["error"]["code"], error["error"]["param"]) == ("too_many_images", "input")
    three = await ask(gateway, "Three.", previous_response_id=two["id"])
    error = await ask(gateway, "Four.", 400, previous_response_id=three["id"])
    assert error["error"]["code"] == "too_many_messages"
    long = await ask(gateway, "x" * 15_000)
    longer = await ask(gateway, "x" * 15_000, previous_response_id=long["id"])
    await ask(gateway, "?", 413, previous_response_id=longer["id"])


async def test_calls_wait_for_their_results(gateway: Gateway) -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
    error = (await ask(gateway, [*shown("Hi."), call], 400))["error"]
    assert error["param"] == "input[1]"
    output = {"type": "function_call_output", "call_id": "c1", "output": "red"}
    await ask(gateway, [*shown("Hi."), call, output])
    assert [message["role"] for message in gateway.engine.asked[-1]["messages"]] == [
        "user",
        "assistant",
        "tool",
    ]


@pytest.mark.parametrize(
    ("url", "code"),
    [("https://example.org/a.png", "media_url_forbidden"), ("data:image/png;base64,AAAA", "invalid_image")],
)
async def test_a_bad_image_is_named(gateway: Gateway, url: str, code: str) -> None:
    error = (await ask(gateway, shown("?", url), 400))["error"]
    assert (error["code"], error["param"]) == (code, "input[0].content[1].image_url")
