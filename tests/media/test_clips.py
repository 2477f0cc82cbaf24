"""Clips from a client, in a decoder process of their own."""

import asyncio
import base64
import io
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio
from PIL import Image

from viewfinder.core.config import Limits
from viewfinder.core.errors import InvalidImage
from viewfinder.media import clips
from viewfinder.media.clips import SafeClip
from viewfinder.media.fairness import Client
from viewfinder.media.intake import Intake

from .. import footage

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOST_BYTES = 8 * 2**20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def intake() -> AsyncIterator[Intake]:
    async with Intake(Limits()) as one:
        yield one


async def accept(intake: Intake, data: bytes, frames: int = 3) -> SafeClip:
    return await intake.clips.accept(footage.data_url(data), frames=frames, most_bytes=MOST_BYTES)


async def test_the_frames_are_images_of_our_own(intake: Intake) -> None:
    clip = await accept(intake, footage.video(footage.scenes(1, 1), sound=True), frames=2)
    assert (clip.total, clip.times, clip.seconds) == (20, (0.0, 1.9), 2.0)
    for frame in clip.frames:
        declared, _, data = frame.data_url.partition(",")
        assert declared == "data:image/jpeg;base64"
        assert Image.open(io.BytesIO(base64.b64decode(data))).size == (frame.width, frame.height) == (96, 64)


async def test_the_same_clip_is_decoded_once(intake: Intake) -> None:
    data = footage.animation(footage.scenes(0.5, 0.5))
    first = await accept(intake, data)
    assert await accept(intake, data) is first
    assert await accept(intake, data, frames=1) is not first


async def test_its_process_leaves_the_processor_to_others(intake: Intake) -> None:
    await accept(intake, footage.video(footage.scenes(1)))
    (pid,) = intake.clips.decoder.pids
    assert psutil.Process(pid).nice() == os.nice(0) + clips.NICENESS
    assert pid not in intake.decoder.pids


async def test_without_the_package_the_error_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout without the extra: the decoder's process finds no `av`."""
    (tmp_path / "av.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    async with Intake(Limits()) as without:
        with pytest.raises(InvalidImage) as caught:
            await accept(without, footage.video(footage.scenes(1)))
        assert caught.value.reason == "clips_not_installed"
        assert "[video]" in caught.value.hint


async def test_an_image_beside_a_clip_does_not_wait(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clip takes as much time as it may; the image comes and goes meanwhile."""
    still = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(still, "PNG")
    url = "data:image/png;base64," + base64.b64encode(still.getvalue()).decode()
    began, decode = asyncio.Event(), intake.clips.decoder.decode

    async def begin(*words: Any, **more: Any) -> Any:
        began.set()
        return await decode(*words, **more)

    monkeypatch.setattr(intake.clips.decoder, "decode", begin)
    long = asyncio.create_task(accept(intake, footage.long_animation(5000)))
    await asyncio.wait_for(began.wait(), 30)
    for at in range(3):
        await asyncio.wait_for(intake.accept(url, client=Client(str(at))), 5)
    assert not long.done()
    long.cancel()
    await asyncio.gather(long, return_exceptions=True)
    await accept(intake, footage.animation(footage.scenes(0.5, 0.5, 0.5)))


async def test_a_clip_that_takes_too_long_is_refused() -> None:
    async with Intake(Limits(clip_decode_s=0.3)) as hasty:
        with pytest.raises(InvalidImage) as caught:
            await accept(hasty, footage.long_animation(5000))
        assert caught.value.reason == "decode_timeout"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://example.org/clip.mp4", "media_url_forbidden"),
        ("/etc/passwd", "media_url_forbidden"),
        ("file:///etc/passwd", "media_url_forbidden"),
        ("concat:/etc/passwd|/etc/hosts", "media_url_forbidden"),
        ("data:video/mp4;base64,", "invalid_clip"),
        ("data:video/mp4;base64", "invalid_clip"),
        ("data:video/mp4;base64,AAAA!", "invalid_clip"),
        (
            "data:application/x-mpegurl;base64," + base64.b64encode(b"#EXTM3U\n").decode(),
            "unsupported_clip_format",
        ),
    ],
)
async def test_what_is_no_clip(intake: Intake, url: str, code: str) -> None:
    with pytest.raises(InvalidImage) as caught:
        await intake.clips.accept(url, frames=2, most_bytes=MOST_BYTES)
    assert caught.value.reason == code
