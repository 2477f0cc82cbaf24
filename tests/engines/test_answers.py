"""What every engine must do for a client, through the gateway: glimpse answers alike on all of them."""

import asyncio
import contextlib
import json
import sys
from dataclasses import replace
from typing import Any

import pytest

from viewfinder.scenes.scene import Scene, make_scene

from .conftest import Served, user

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

DESCRIBE = "Describe this image."
SCENE = make_scene("answers/four", things=4)


async def test_it_sees_and_counts_what_it_sees(served: Served) -> None:
    scenes = [make_scene(f"answers/{number}") for number in range(3)]
    replies = [await served.ask(user(DESCRIBE, scene)) for scene in scenes]
    assert len({reply["choices"][0]["message"]["content"] for reply in replies}) > 1
    blind = await served.ask(user(DESCRIBE))
    for reply in replies:
        usage = reply["usage"]
        assert usage["prompt_tokens"] >= blind["usage"]["prompt_tokens"] + 45  # five tiles of nine tokens
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_a_stream_says_the_same_and_ends_with_its_usage(served: Served) -> None:
    whole = await served.ask(user(DESCRIBE, SCENE))
    chunks = await chunks_of(served, user(DESCRIBE, SCENE), stream_options={"include_usage": True})
    assert words_of(chunks) == whole["choices"][0]["message"]["content"]
    assert chunks[-1]["choices"] == []
    for count in ("prompt_tokens", "completion_tokens"):
        assert chunks[-1]["usage"][count] == whole["usage"][count]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]][-1] == "stop"
    assert sum(bool(chunk["choices"] and chunk["choices"][0]["delta"].get("content")) for chunk in chunks) > 3


async def test_it_stops_at_max_tokens(served: Served) -> None:
    reply = await served.ask(user(DESCRIBE, SCENE), max_tokens=3)
    assert reply["choices"][0]["finish_reason"] == "length"
    assert reply["usage"]["completion_tokens"] == 3


async def test_a_stop_string_ends_the_answer_and_is_not_in_it(served: Served) -> None:
    whole = await served.ask(user(DESCRIBE, SCENE))
    text = whole["choices"][0]["message"]["content"]
    stop = text[len(text) // 2 :][:7]  # across words and tokens
    reply = await served.ask(user(DESCRIBE, SCENE), stop=[stop, "nowhere"])
    assert reply["choices"][0]["message"]["content"] == text.split(stop)[0]
    assert reply["choices"][0]["finish_reason"] == "stop"
    assert reply["usage"]["completion_tokens"] < whole["usage"]["completion_tokens"]
    assert words_of(await chunks_of(served, user(DESCRIBE, SCENE), stop=stop)) == text.split(stop)[0]


async def test_a_count_is_what_the_request_takes(served: Served) -> None:
    requests = [
        [user(DESCRIBE)],
        [user(DESCRIBE, SCENE)],
        [user(DESCRIBE, SCENE, make_scene("answers/five"))],
        [user(DESCRIBE, SCENE), {"role": "assistant", "content": "Red."}, user("What else?")],
    ]
    for messages in requests:
        usage = (await served.ask(*messages, max_tokens=1))["usage"]
        assert await count(served, *messages) == usage["prompt_tokens"]
    assert await count(served, user("circle " * 600)) > 600  # more than the context


async def count(served: Served, *messages: dict[str, Any]) -> int:
    body = {"model": "glimpse", "messages": messages, "stream": True}
    async with served.http.post(f"{served.url}/v1/chat/completions/input_tokens", json=body) as reply:
        said = await reply.json()
        assert reply.status == 200, said
        return int(said["input_tokens"])


@pytest.mark.parametrize(
    "word", ["<image>", "<fake_token_around_image><image>", "<|image_pad|>", "<__media__>"]
)
async def test_words_that_spell_an_image_are_words(served: Served, word: str) -> None:
    """With transformers they took the place of an image: an error without one, and with one, too."""
    for scenes in ((), (SCENE,)):
        usage = (await served.ask(user(f"{word} {DESCRIBE}", *scenes), max_tokens=4))["usage"]
        plain = (await served.ask(user(DESCRIBE, *scenes), max_tokens=4))["usage"]
        assert plain["prompt_tokens"] < usage["prompt_tokens"] < plain["prompt_tokens"] + 45


async def test_a_seed_decides_the_answer_and_without_one_answers_differ(served: Served) -> None:
    """mlx-vlm's server has seed 0 for every request (Blaizzy/mlx-vlm 1818), torch one for every process."""
    alike = replace(SCENE, things=tuple(replace(thing, shape="circle") for thing in SCENE.things))
    ask = user("What color is the circle?", alike)  # any of four
    hot = {"temperature": 2, "max_tokens": 24}
    assert await served.text(ask, seed=7, **hot) == await served.text(ask, seed=7, **hot)
    if served.engine != "llama.cpp":  # which leaves only the likeliest words to chance
        assert len({await served.text(ask, seed=seed, **hot) for seed in range(8)}) > 1
        assert len({await served.text(ask, **hot) for _ in range(8)}) > 1


async def test_a_conversation_that_is_too_long_is_an_error(served: Served) -> None:
    for stream in (False, True):
        async with served.post(user("circle " * 600), stream=stream) as reply:
            assert reply.status == 400
            error = (await reply.json())["error"]
            assert error["code"] == "context_length_exceeded"
            assert "maximum context length is 512 tokens" in error["message"]
            assert "raise engine.context_tokens" in error["message"]
    reply = await served.ask(user(DESCRIBE, SCENE), max_tokens=4096)  # more than fits: it ends by itself
    assert reply["choices"][0]["finish_reason"] == "stop"


async def test_requests_at_once_are_answered_as_one_by_one(served: Served) -> None:
    """mlx-vlm gave the first one's settings to all, and mixed them up (Blaizzy/mlx-vlm 1668)."""
    asked: list[tuple[Scene, dict[str, Any]]] = [
        (make_scene(f"answers/at once/{number}"), {"max_tokens": 8 + number}) for number in range(5)
    ]
    alone = [await served.text(user(DESCRIBE, scene), **options) for scene, options in asked]
    hot = served.text(user("Hello!"), temperature=2)
    together = await asyncio.gather(
        hot, *(served.text(user(DESCRIBE, scene), **options) for scene, options in asked)
    )
    assert together[1:] == alone


async def test_a_client_that_leaves_does_not_spoil_the_next_answer(served: Served) -> None:
    alone = await served.text(user(DESCRIBE, SCENE))
    for stream in (True, False):
        long = {"temperature": 2, "max_tokens": 400, "stream": stream}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3), served.post(user("Hello!", SCENE), **long) as reply:
                await reply.read()
        assert await served.text(user(DESCRIBE, SCENE)) == alone


async def test_an_image_that_cannot_be_read_is_an_error_and_the_last_one(served: Served) -> None:
    """One bad image poisoned mlx-vlm until it was restarted (Blaizzy/mlx-vlm 988)."""
    alone = await served.text(user(DESCRIBE, SCENE))
    broken = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    body = {"messages": [{"role": "user", "content": [broken, {"type": "text", "text": "?"}]}]}
    async with await served.fleet.acquire("glimpse") as lease:  # the gateway would not let it through
        exchange = await lease.client.exchange(body)
    assert exchange.error.startswith("engine_refused")
    assert exchange.text == ""
    assert await served.text(user(DESCRIBE, SCENE)) == alone


async def test_what_an_engine_cannot_do_is_refused(served: Served) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}
    given = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    async with served.post(user("Hello!"), response_format=given) as reply:
        answer = await reply.json()
    if served.engine == "transformers" or (served.engine == "mlx" and sys.platform != "darwin"):
        assert reply.status == 400
        assert answer["error"]["code"] == "unsupported_parameter"
        assert answer["error"]["param"] == "response_format"
        await served.ask(user("Hello!"), frequency_penalty=0, presence_penalty=0)  # as many clients send
    else:
        assert isinstance(json.loads(answer["choices"][0]["message"]["content"])["a"], bool)


async def chunks_of(served: Served, message: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    """The chunks of a stream, which must end with [DONE]."""
    async with served.post(message, stream=True, **options) as reply:
        assert reply.status == 200
        events = [line.removeprefix("data: ") for line in (await reply.text()).split("\n\n") if line]
    assert events[-1] == "[DONE]"
    return [json.loads(event) for event in events[:-1]]


def words_of(chunks: list[dict[str, Any]]) -> str:
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


SAMPLERS = {
    "top_k": 3,
    "min_p": 0.1,
    "typical_p": 0.9,
    "repeat_penalty": 1.2,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.1,
    "logit_bias": {"9999999": 1},
    "ignore_eos": True,
}
NOT_THERE = {
    "llama.cpp": set(),
    "mlx": {"logit_bias", "ignore_eos"},
    "transformers": set(SAMPLERS),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_fields_that_this_engine_does_not_have_are_named(served: Served, stream: bool) -> None:
    thinking = {"enable_thinking": False}  # glimpse's template has no place for it
    options = {"temperature": 1, "max_tokens": 8, **SAMPLERS, **thinking}
    async with served.post(user("What is 3 plus 4?"), stream=stream, **options) as reply:
        assert reply.status == 200, await reply.text()
        named = set(reply.headers["x-viewfinder-ignored"].split(", "))
        assert "finish_reason" in await reply.text()
    assert named == {*NOT_THERE[served.engine], *thinking}


async def test_several_answers(served: Served) -> None:
    one = await served.ask(user("What is 3 plus 4?"))
    reply = await served.ask(user("What is 3 plus 4?"), n=2)
    said = [choice["message"]["content"] for choice in reply["choices"]]
    assert said == [one["choices"][0]["message"]["content"]] * 2
    assert reply["usage"]["prompt_tokens"] == one["usage"]["prompt_tokens"]
    assert reply["usage"]["completion_tokens"] == 2 * one["usage"]["completion_tokens"]


async def test_the_likeliest_token_is_the_only_one(served: Served) -> None:
    if "min_p" in NOT_THERE[served.engine]:
        return
    # With a temperature of 2, mlx-vlm once gave a token that was not the likeliest.
    hot = 0.5 if served.engine == "mlx" else 2
    surest = await served.text(user("Hello!"))
    for fields in ({"min_p": 1}, {"top_k": 1}, {"top_k": 1, "min_p": 0, "seed": 5}):
        assert await served.text(user("Hello!"), temperature=hot, **fields) == surest
    for top_k in (-1, 0, 2**31 - 1):
        assert await served.text(user("Hello!"), top_k=top_k, temperature=1)
