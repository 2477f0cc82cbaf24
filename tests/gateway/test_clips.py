"""Clips of a request: what its engine gets, and what is refused before a model is loaded."""

import asyncio
from typing import Any

import pytest
from PIL import Image

from viewfinder.core.config import Limits
from viewfinder.gateway.moving import frame_counts
from viewfinder.media.frames import ClipOrder
from viewfinder.media.pool import DecoderPool
from viewfinder.wire.media_refs import ClipRef

from .. import footage
from .conftest import card

VIDEO = footage.video(footage.scenes(1, 1))
GIF = footage.animation(footage.scenes(1, 1, 1, 1))


def asking(*parts: dict[str, Any], model: str = "both", role: str = "user") -> dict[str, Any]:
    content = [*parts, {"type": "text", "text": "What happens?"}]
    return {"model": model, "messages": [{"role": role, "content": content}]}


async def asked(gateway: Any, body: dict[str, Any]) -> tuple[int, Any, dict[str, Any]]:
    async with gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body) as reply:
        return reply.status, reply.headers, await reply.json()


async def test_the_engine_gets_images_each_behind_its_time(start) -> None:
    gateway = await start()
    image = footage.data_url(footage.animation(footage.scenes(0.1)), "image/gif")
    body = asking(
        {"type": "image_url", "image_url": {"url": image}},
        footage.clip_part(GIF, frames=3),
        footage.clip_part(VIDEO, frames=2, choose="change"),
    )
    status, headers, _ = await asked(gateway, body)
    assert status == 200
    assert headers["x-viewfinder-frames"] == "3 of 4, at 0.0 1.0 3.0 s; 2 of 20, at 0.0 1.9 s"
    content = gateway.engine.asked[0]["messages"][0]["content"]
    said = [part.get("text") or part["image_url"]["url"].partition(";")[0] for part in content]
    png, jpeg = "data:image/png", "data:image/jpeg"
    assert said == [
        *(png, "0.0 s:", png, "1.0 s:", png, "3.0 s:", png),
        *("0.0 s:", jpeg, "1.9 s:", jpeg, "What happens?"),
    ]


async def test_an_animation_in_an_image_part_stays_an_image(start) -> None:
    gateway = await start()
    url = footage.data_url(GIF, "image/gif")
    status, headers, _ = await asked(gateway, asking({"type": "image_url", "image_url": {"url": url}}))
    assert status == 200
    assert "x-viewfinder-frames" not in headers
    assert len(gateway.engine.asked[0]["messages"][0]["content"]) == 2


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (asking(footage.clip_part(GIF), model="blind"), "vision_not_supported", "Models that can: both"),
        (
            asking(footage.clip_part(GIF), model="one-eye"),
            "too_many_images",
            "'frames': 1). Models that can: both",
        ),
        (asking(*[footage.clip_part(GIF)] * 5), "too_many_clips", "limits.clips"),
        (asking(footage.clip_part(GIF), role="system"), "invalid_request", "'text'"),
        (asking(footage.clip_part(GIF, frames=0)), "invalid_request", "at least 1"),
        (asking(footage.clip_part(GIF, choose="luck")), "invalid_request", "'time' or 'change'"),
        (asking({"type": "video_url"}), "invalid_request", "video_url' is missing"),
        (
            asking({"type": "text", "text": "", "video_url": {}, "video": "x"}),
            "unsupported_parameter",
            "video_url'",
        ),
        (asking(footage.clip_part(b"\x89PNG\r\n\x1a\n")), "invalid_clip", "'image_url'"),
    ],
)
async def test_what_is_refused_before_a_model_is_loaded(
    start, body: dict[str, Any], code: str, words: str
) -> None:
    gateway = await start()
    status, _, said = await asked(gateway, body)
    assert (status, said["error"]["code"]) == (400, code)
    assert words in said["error"]["message"]
    assert not gateway.fleet.loads


async def test_one_frame_is_shown_to_a_model_that_takes_one_image(start) -> None:
    gateway = await start()
    status, headers, _ = await asked(gateway, asking(footage.clip_part(VIDEO, frames=1), model="one-eye"))
    assert (status, headers["x-viewfinder-frames"]) == (200, "1 of 20, at 1.0 s")


async def test_a_clip_in_another_api_is_refused_by_its_name(start) -> None:
    gateway = await start()
    part = {"type": "input_video", "video_url": footage.data_url(GIF)}
    body = {"model": "both", "input": [{"role": "user", "content": [part]}]}
    async with gateway.http.post(f"{gateway.url}/v1/responses", json=body) as reply:
        said = (await reply.json())["error"]
    assert (said["code"], said["param"]) == ("unsupported_parameter", "input[0].content[0].type")
    assert "/v1/chat/completions" in said["message"]
    part = {"type": "video", "source": {"type": "base64", "media_type": "video/mp4", "data": "AAAA"}}
    body = {"model": "both", "max_tokens": 9, "messages": [{"role": "user", "content": [part]}]}
    async with gateway.http.post(f"{gateway.url}/v1/messages", json=body) as reply:
        assert "/v1/chat/completions" in (await reply.json())["error"]["message"]


async def test_an_image_beside_a_long_clip_is_answered_at_once(
    start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clip keeps its decoder busy for seconds; three questions about images come and go meanwhile."""
    gateway, began, decode = await start(), asyncio.Event(), DecoderPool.decode

    async def begin(pool: DecoderPool, payload: Any, order: Any, **more: Any) -> Any:
        if isinstance(order, ClipOrder):
            began.set()
        return await decode(pool, payload, order, **more)

    monkeypatch.setattr(DecoderPool, "decode", begin)
    clip = footage.clip_part(footage.long_animation(150, (3000, 2000)), choose="change")
    long = asyncio.create_task(asked(gateway, asking(clip)))
    await asyncio.wait_for(began.wait(), 30)
    for colour in footage.COLOURS[:3]:
        url = footage.data_url(footage.animation([Image.new("RGB", (64, 64), colour)]), "image/gif")
        image = {"type": "image_url", "image_url": {"url": url}}
        status, _, _ = await asyncio.wait_for(asked(gateway, asking(image)), 5)
        assert status == 200
    assert not long.done()
    long.cancel()
    await asyncio.gather(long, return_exceptions=True)


@pytest.mark.parametrize(
    ("wanted", "images", "most", "counts"),
    [
        ([None], 0, None, [8]),
        ([20], 0, None, [20]),
        ([100], 0, None, [32]),
        ([None, 40], 0, None, [8, 24]),
        ([None], 3, 8, [5]),
        ([None, None], 0, 5, [2, 3]),
        ([1, None], 1, 4, [1, 2]),
    ],
)
def test_how_many_frames_are_shown(
    wanted: list[int | None], images: int, most: int | None, counts: list[int]
) -> None:
    refs = [ClipRef(0, at, "", frames, "time") for at, frames in enumerate(wanted)]
    variant = card("some", images=most).variant()
    assert frame_counts(refs, images, variant, Limits()) == counts
