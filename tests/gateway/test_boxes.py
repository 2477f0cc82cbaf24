"""Points that land: a picture with a dot goes through the real gate, an engine that sees says in its model's
style where the dot is in the picture that it got, and the reply says where it is in the one that was sent."""

import base64
import io
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.gateway.conftest import chunk, text_of
from tests.gateway.test_relay import BOTH_WAYS, events_of
from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.gateway.boxes import grid_with
from viewfinder.wire.placing import ImageGrid

STRETCH = ImageGrid(multiple=28, least_pixels=3136, most_pixels=90_000, fit="stretch")
PAD = ImageGrid(multiple=32, least_pixels=8192, most_pixels=70_000, fit="pad")
Seen = tuple[tuple[int, int], tuple[float, float, float, float]]
"""The size of a picture, and the edges of its dot."""


def card(name: str, style: str | None, grid: ImageGrid | None = None) -> ModelCard:
    variant = Variant(
        name="seeing",
        engine="llama.cpp",
        repo=f"tests/{name}",
        vision=True,
        text=True,
        coordinates=style,
        image_grid=grid,
        image_pixels=120_000,
    )
    return ModelCard(name=name, title=name, license="MIT", summary="A test.", variants=(variant,))


def json_of(key: str, whole: float, order: tuple[int, ...] = (0, 1, 2, 3)) -> Callable[[Seen], str]:
    def answer(seen: Seen) -> str:
        at = [edge / seen[0][axis % 2] * whole for axis, edge in enumerate(seen[1])]
        digits = 0 if whole > 1 else 4
        return json.dumps([{key: [round(at[one], digits) for one in order], "label": "the dot"}])

    return answer


def resized(grid: ImageGrid, seen: Seen) -> Seen:
    """The dot in the picture as an engine resizes it: written again, from what engines do."""
    (width, height), dot = seen
    canvas = grid.canvas((width, height))
    if grid.fit == "stretch":
        return canvas, tuple(edge * canvas[at % 2] / (width, height)[at % 2] for at, edge in enumerate(dot))
    scale = min(canvas[0] / width, canvas[1] / height)
    inner = [min(math.ceil(edge * scale), most) for edge, most in zip((width, height), canvas, strict=True)]
    border = [(canvas[at] - inner[at]) // 2 for at in (0, 1)]
    return canvas, tuple(
        border[at % 2] + edge * inner[at % 2] / (width, height)[at % 2] for at, edge in enumerate(dot)
    )


def in_pixels(seen: Seen) -> str:
    return json.dumps({"bbox_2d": [round(edge) for edge in resized(STRETCH, seen)[1]], "label": "the dot"})


def padded(seen: Seen) -> str:
    return json_of("bbox_2d", 1000)(resized(PAD, seen))


def marks(seen: Seen) -> str:
    left, top, right, bottom = (
        min(1023, round(edge / seen[0][axis % 2] * 1024)) for axis, edge in enumerate(seen[1])
    )
    return f"<loc{top:04}><loc{left:04}><loc{bottom:04}><loc{right:04}> the dot"


MODELS: dict[str, tuple[ModelCard, Callable[[Seen], str], float]] = {
    "relative": (card("relative", "qwen3-vl"), json_of("bbox_2d", 1000), 1 / 1000),
    "padded": (card("padded", "qwen3-vl", PAD), padded, 1 / 700),
    "pixels": (card("pixels", "qwen2.5-vl", STRETCH), in_pixels, 1 / 150),
    "gemma": (card("gemma", "gemma"), json_of("box_2d", 1000, (1, 0, 3, 2)), 1 / 1000),
    "liquid": (card("liquid", "lfm2.5-vl"), json_of("bbox", 1), 1 / 10_000),
    "marks": (card("marks", "paligemma"), marks, 1 / 1000),
}
"""By name: the card, what the engine says, and how fine its numbers are, as a share of an edge."""


def dot_in(image: Image.Image) -> Seen:
    dark = np.asarray(image.convert("L")) < 128
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    return image.size, (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)


def pictures_in(body: dict[str, Any]) -> list[Image.Image]:
    parts = body["messages"][-1]["content"]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) for url in urls]


@pytest.fixture
async def seeing(gateway, monkeypatch: pytest.MonkeyPatch):
    """A gateway whose engine sees the dot of the first picture and answers as the model's style is, or says
    what it is told to: "SAY ..."."""
    gateway.fleet.models = (
        *gateway.fleet.models,
        *(model for model, _, _ in MODELS.values()),
        card("none", None),
    )
    gateway.fleet.models += (card("unknown-resize", "qwen2.5-vl"),)
    asked: list[str] = []

    async def obey(order: str, body: dict[str, Any], request: Any) -> Any:
        from aiohttp import web

        told = text_of(body["messages"][-1])
        name = asked[-1]
        text = told[4:] if told.startswith("SAY ") else MODELS[name][1](dot_in(pictures_in(body)[0]))
        if not body.get("stream"):
            choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            return web.json_response({"choices": [choice]})
        reply = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await reply.prepare(request)
        for at in range(0, len(text), 7):
            await reply.write(chunk({"content": text[at : at + 7]}))
        await reply.write(chunk({}, finish_reason="stop"))
        await reply.write(b"data: [DONE]\n\n")
        return reply

    monkeypatch.setattr(gateway.engine, "obey", obey)

    async def ask(model: str, told: str, *images: bytes, detail: str = "auto", **more: Any) -> dict[str, Any]:
        """The message of the reply, or the deltas of a stream together."""
        asked.append(model)
        urls = [f"data:image/png;base64,{base64.b64encode(image).decode()}" for image in images]
        parts = [{"type": "image_url", "image_url": {"url": url, "detail": detail}} for url in urls]
        messages = [{"role": "user", "content": [*parts, {"type": "text", "text": told}]}]
        body = {"model": model, "messages": messages, **more}
        async with gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body) as reply:
            assert reply.status == 200, await reply.text()
            if not more.get("stream"):
                return (await reply.json())["choices"][0]["message"]
            *chunks, _done = await events_of(reply)
        message: dict[str, Any] = {"content": ""}
        for one in chunks:
            for choice in one["choices"]:
                message["content"] += choice["delta"].get("content") or ""
                rest = {
                    name: value for name, value in choice["delta"].items() if name not in ("content", "role")
                }
                assert not rest or choice["finish_reason"], "only the last one has coordinates"
                message |= rest
        return message

    return ask


def picture(
    size: tuple[int, int], dot: tuple[int, int, int, int], orientation: int = 1, format: str = "PNG"
) -> bytes:
    """A white picture of this size as displayed, with a black dot there, stored as the orientation says."""
    image = Image.new("RGB", size, "white")
    image.paste("black", dot)
    stored = {
        1: lambda it: it,
        2: lambda it: it.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: lambda it: it.transpose(Image.Transpose.ROTATE_180),
        4: lambda it: it.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: lambda it: it.transpose(Image.Transpose.TRANSPOSE),
        6: lambda it: it.transpose(Image.Transpose.ROTATE_90),
        7: lambda it: it.transpose(Image.Transpose.TRANSVERSE),
        8: lambda it: it.transpose(Image.Transpose.ROTATE_270),
    }[orientation](image)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    stored.save(file, format, exif=exif)
    return file.getvalue()


SIZES = [(64, 64), (301, 199), (1234, 321), (333, 1777), (2000, 1500), (1200, 10), (11, 900), (1021, 1019)]


SIZES_OF = {"relative": SIZES, "padded": SIZES[:4], "pixels": SIZES[:4]}


def dot_of(size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Off the middle in both directions, at least 4 px in each."""
    width, height = size
    across, down = max(4, width // 9), max(4, height // 9)
    left, top = width * 2 // 3 - across // 2, height // 5
    return left, top, left + across, top + down


def assert_lands(found: list[float], dot: tuple[int, ...], size: tuple[int, int], fine: float) -> None:
    """Within a pixel of the picture that the engine got, and what the model's numbers leave open."""
    scale = max(1.0, math.sqrt(size[0] * size[1] / 120_000))
    for at, (one, right) in enumerate(zip(found, dot, strict=True)):
        assert abs(one - right) <= scale + size[at % 2] * fine / 2, (found, dot, size)


@pytest.mark.parametrize("name", MODELS)
async def test_a_dot_lands_whatever_the_size(seeing, name: str) -> None:
    for size in SIZES_OF.get(name, SIZES[1:2]):
        dot = dot_of(size)
        message = await seeing(name, "Where?", picture(size, dot))
        (box,) = message["boxes"]
        assert (box["image"], box["label"]) == (0, "the dot")
        assert_lands(box["box"], dot, size, MODELS[name][2])
        assert "not_placed" not in message


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_a_dot_lands_in_the_picture_as_it_is_displayed(seeing, orientation: int) -> None:
    for size, format in (((900, 600), "PNG"), ((300, 500), "JPEG")):
        dot = dot_of(size)
        message = await seeing("relative", "Where?", picture(size, dot, orientation, format))
        assert_lands(message["boxes"][0]["box"], dot, size, 1 / 1000)


async def test_a_dot_lands_in_a_small_copy(seeing) -> None:
    size, dot = (1500, 500), dot_of((1500, 500))
    message = await seeing("relative", "Where?", picture(size, dot, format="JPEG"), detail="low")
    for one, right in zip(message["boxes"][0]["box"], dot, strict=True):
        assert abs(one - right) <= 1500 / 512 + 1500 / 2000


async def test_a_stream_has_them_in_its_last_delta(seeing) -> None:
    dot = dot_of((500, 300))
    whole = await seeing("relative", "Where?", picture((500, 300), dot))
    streamed = await seeing("relative", "Where?", picture((500, 300), dot), stream=True)
    assert streamed["boxes"] == whole["boxes"]
    assert streamed["content"] == whole["content"]


BOX = '{"bbox_2d": [0, 0, 500, 500]}'
PLAIN = picture((200, 100), (1, 1, 5, 5))


@BOTH_WAYS
async def test_nothing_is_added_where_nothing_is_known_or_said(seeing, stream: bool) -> None:
    for model, told, images in (
        ("none", f"SAY {BOX}", [PLAIN]),
        ("relative", "SAY A dot, at 10, 20.", [PLAIN]),
        ("relative", f"SAY {BOX}", []),
    ):
        message = await seeing(model, told, *images, stream=stream)
        assert not {"boxes", "not_placed"} & message.keys(), (model, told)


@BOTH_WAYS
async def test_what_cannot_be_placed_is_told_with_the_reason(seeing, stream: bool) -> None:
    message = await seeing("unknown-resize", f"SAY {BOX}", PLAIN, stream=stream)
    assert message["boxes"] == []
    assert "to what size is not known" in message["not_placed"][0]["why"]


async def test_the_answer_names_the_picture_and_else_it_is_the_last(seeing) -> None:
    message = await seeing("relative", f"SAY Picture 1: {BOX}\nPicture 2: {BOX}", PLAIN, PLAIN)
    assert [box["image"] for box in message["boxes"]] == [0, 1]
    message = await seeing("relative", f"SAY {BOX}", PLAIN, picture((80, 60), (1, 1, 5, 5)))
    assert message["boxes"] == [{"image": 1, "box": [0, 0, 40, 30]}]


async def test_each_choice_has_its_own(seeing) -> None:
    message = await seeing("relative", f"SAY {BOX}", PLAIN, n=2, stream=True)
    assert message["content"] == BOX * 2
    assert message["boxes"] == [{"image": 0, "box": [0, 0, 100, 50]}]


async def test_a_long_answer_is_read_too(seeing) -> None:
    message = await seeing("relative", f"SAY {'word ' * 10_000}{BOX}", PLAIN)
    assert message["boxes"][0]["box"] == [0, 0, 100, 50]


async def test_a_beginning_in_the_request_is_part_of_the_answer(gateway, seeing) -> None:
    await seeing("relative", "SAY 500, 500]}", PLAIN)
    parts = gateway.engine.asked[-1]["messages"][-1]["content"]
    begun = {"role": "assistant", "content": '{"bbox_2d": [0, 0, '}
    body = {"model": "relative", "messages": [{"role": "user", "content": parts}, begun]}

    async def obey(order: str, body: dict[str, Any], request: Any) -> Any:
        from aiohttp import web

        choice = {"message": {"role": "assistant", "content": "500, 500]}"}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice]})

    gateway.engine.obey = obey
    async with gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body) as reply:
        message = (await reply.json())["choices"][0]["message"]
    assert message["boxes"] == [{"image": 0, "box": [0, 0, 100, 50]}]


def test_the_settings_of_the_engine_count() -> None:
    assert grid_with(PAD, (), 0) == PAD
    fewer = grid_with(PAD, ("--threads", "2"), 20)
    assert fewer is not None
    assert fewer.most_pixels == 20 * 32 * 32
    assert grid_with(PAD, ("--image-min-tokens", "1024"), 20) is None
