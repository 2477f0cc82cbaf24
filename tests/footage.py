"""Clips for tests: drawn, then written as MP4 and the like by FFmpeg, or as GIF and WebP by Pillow."""

import base64
import io
import itertools
from collections.abc import Sequence
from typing import Any

import av
from PIL import Image

COLOURS = ("red", "green", "blue", "white", "black", "yellow", "cyan", "magenta")


def scenes(*seconds: float, size: tuple[int, int] = (96, 64), rate: int = 10) -> list[Image.Image]:
    """Frames of one colour after the other, each for some seconds."""
    colours = itertools.cycle(COLOURS)
    return [
        image
        for length_s, colour in zip(seconds, colours, strict=False)
        for image in [Image.new("RGB", size, colour)] * round(length_s * rate)
    ]


def video(
    frames: Sequence[Image.Image],
    *,
    form: str = "mp4",
    codec: str = "libx264",
    rate: int = 10,
    sound: bool = False,
    size: tuple[int, int] | None = None,
    **options: str,
) -> bytes:
    """A video file of these frames, which may be none where their size is given."""
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        stream: Any = container.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height = size or frames[0].size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        speaker = container.add_stream("aac", rate=16_000) if sound else None
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_image(frame)))
        container.mux(stream.encode(None))
        if speaker is not None:
            silence(container, speaker)
    return file.getvalue()


def only_sound() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        silence(container, container.add_stream("aac", rate=16_000))
    return file.getvalue()


def silence(container: Any, stream: Any) -> None:
    for at in range(16):
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.rate, frame.pts = 16_000, at * 1024
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def animation(frames: Sequence[Image.Image], *, form: str = "GIF", shown_ms: int = 100) -> bytes:
    """An animated GIF or WebP; frames that are alike become one."""
    file = io.BytesIO()
    options = {"lossless": True} if form == "WEBP" else {}
    frames[0].save(file, form, save_all=True, append_images=frames[1:], duration=shown_ms, loop=0, **options)
    return file.getvalue()


def long_animation(frames: int, size: tuple[int, int] = (640, 480)) -> bytes:
    """A GIF of that many frames, which takes no time to make: the same frame again and again."""
    data = animation([Image.new("RGB", size, colour) for colour in COLOURS[:2]])
    last = data[data.rindex(b"\x21\xf9\x04") : -1]
    return data[:-1] + last * (frames - 2) + data[-1:]


def data_url(data: bytes, kind: str = "video/mp4") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def clip_part(data: bytes, **more: Any) -> dict[str, Any]:
    """The part of a message."""
    return {"type": "video_url", "video_url": {"url": data_url(data), **more}}
