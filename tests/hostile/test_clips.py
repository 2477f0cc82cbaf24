"""Hostile clips: each is refused with its code or shown as frames, and nothing is opened.

The decoder survives all of them.
"""

import base64
import random
import re
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from tests import footage
from viewfinder.core.config import Limits
from viewfinder.core.errors import InvalidImage
from viewfinder.media.clips import SafeClip
from viewfinder.media.intake import Intake

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOST_BYTES = 8 * 2**20
HOLDERS = (b"moov", b"trak", b"mdia", b"minf", b"dinf")
"""Boxes of an MP4 on the way to the list of its other files."""
MP4 = footage.video(footage.scenes(0.5, 0.5))
WEBM = footage.video(footage.scenes(0.5, 0.5), form="webm", codec="libvpx")
GIF = footage.animation(footage.scenes(0.5, 0.5, 0.5))
WEBP = footage.animation(footage.scenes(0.5, 0.5, 0.5), form="WEBP")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def intake() -> AsyncIterator[Intake]:
    async with Intake(Limits()) as one:
        yield one


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def alive(intake: Intake) -> AsyncIterator[None]:
    """After each test a clip is shown, by the process that was there before."""
    await shown(intake, MP4)
    before = intake.clips.decoder.pids
    yield
    assert (await shown(intake, GIF)).total == 3
    assert intake.clips.decoder.pids == before


async def shown(intake: Intake, data: bytes, kind: str = "video/mp4") -> SafeClip:
    return await intake.clips.accept(footage.data_url(data, kind), frames=4, most_bytes=MOST_BYTES)


async def code_of(intake: Intake, data: bytes, kind: str = "video/mp4") -> str:
    """The code with which it is refused, or "shown"."""
    try:
        clip = await shown(intake, data, kind)
    except InvalidImage as error:
        return error.reason
    assert 1 <= len(clip.frames) <= 4
    assert all(frame.data_url.startswith(("data:image/jpeg", "data:image/png")) for frame in clip.frames)
    assert list(clip.times) == sorted(clip.times)
    return "shown"


def boxes(data: bytes, made: dict[bytes, bytes]) -> bytes:
    """The MP4 with other contents of some boxes; those that hold them get their new sizes."""
    at, file = 0, b""
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + size]
        body = made[name] if name in made else boxes(body, made) if name in HOLDERS else body
        file += struct.pack(">I4s", len(body) + 8, name) + body
        at += size
    return file


def with_reference(url: str) -> bytes:
    """An MP4 whose pictures are said to be in another file."""
    address = url.encode() + b"\0"
    entry = struct.pack(">I4sI", len(address) + 12, b"url ", 0) + address
    alias = struct.pack(">I4sI", 200, b"alis", 0) + url.encode().ljust(188, b"\0")
    return boxes(MP4, {b"dref": struct.pack(">II", 0, 2) + entry + alias})


def of_declared_length(units: int) -> bytes:
    """An MP4 that says in each of its headers how long it is."""
    data = bytearray(MP4)
    for name, at in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24)):
        start = data.index(name)
        data[start + at : start + at + 4] = struct.pack(">I", units)
    return bytes(data)


def of_declared_size(width: int, height: int) -> bytes:
    """An MP4 whose header says how large its pictures are."""
    data = bytearray(MP4)
    start = data.index(b"avc1") + 28
    data[start : start + 4] = struct.pack(">HH", width, height)
    return bytes(data)


def of_samples(size: int) -> bytes:
    """An MP4 all of whose frames are said to be of that many bytes."""
    frames = struct.unpack_from(">I", MP4, MP4.index(b"stsz") + 12)[0]
    data = bytearray(MP4)
    start = data.index(b"stsz") + 8
    data[start : start + 4] = struct.pack(">I", size)
    assert frames == 10
    return bytes(data)


def gif_of_size(*sizes: int) -> bytes:
    """Square frames; the first is as large as the screen."""
    start = b"GIF89a" + struct.pack("<HHBBB", sizes[0], sizes[0], 0, 0, 0)
    frames = (
        b"!\xf9\4\x08\x0a\0\0\0," + struct.pack("<HHHH", 0, 0, size, size) + b"\0\2\2D\1\0" for size in sizes
    )
    return start + b"".join(frames) + b";"


def webp_of_size(width: int, height: int) -> bytes:
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return WEBP[:24] + canvas + WEBP[30:]


NOTHING_IN_IT = ("clip_truncated", "decode_failed", "invalid_clip")
HUGE = footage.video([Image.new("RGB", (8, 8))] * 2, form="matroska", codec="mjpeg").replace(
    b"\xff\xc0\0\x11\x08\0\x08\0\x08", b"\xff\xc0\0\x11\x08\x23\x28\x23\x28"
)
LARGE = footage.video([Image.new("RGB", (4096, 2304))] * 2, codec="mpeg4")
PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nURL\n#EXT-X-ENDLIST\n"
CONCAT = b"ffconcat version 1.0\nfile 'URL'\nduration 9\n"
DASH = b'<?xml version="1.0"?><MPD><Period><BaseURL>URL</BaseURL></Period></MPD>'
CODES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "nothing": (b"", ("invalid_clip",)),
    "text": (b"I am no clip.", ("invalid_clip",)),
    "a PNG": (b"\x89PNG\r\n\x1a\n" + bytes(99), ("invalid_clip",)),
    "a zip": (b"PK\3\4" + bytes(99), ("invalid_clip",)),
    "a program": (b"\x7fELF" + bytes(99), ("invalid_clip",)),
    "sound alone": (footage.only_sound(), ("invalid_clip",)),
    "an MP4 without frames": (
        footage.video([], size=(64, 48)),
        ("invalid_clip", "decode_failed", "clip_truncated"),
    ),
    "a WebM without frames": (
        footage.video([], form="webm", codec="libvpx", size=(64, 48)),
        NOTHING_IN_IT,
    ),
    "frames larger than allowed": (LARGE, ("clip_too_large",)),
    "frames of 80 megapixels": (HUGE, ("clip_too_large", "invalid_clip")),
    "an MP4 that says it is huge": (of_declared_size(65_000, 65_000), ("shown",)),
    "a GIF of 65,000 x 65,000": (gif_of_size(65_000, 65_000), ("clip_too_large",)),
    "a GIF whose second frame is": (gif_of_size(8, 65_000), ("decode_failed",)),
    "a WebP of 16,000 x 16,000": (webp_of_size(16_000, 16_000), ("clip_too_large",)),
    "11 minutes": (
        footage.video(footage.scenes(660, size=(16, 16), rate=1), rate=1),
        ("clip_too_long",),
    ),
    "10 minutes": (footage.video(footage.scenes(600, size=(16, 16), rate=1), rate=1), ("shown",)),
    "a GIF of 30,000 frames": (footage.long_animation(30_000, (8, 8)), ("clip_too_long",)),
    "a GIF without end": (footage.long_animation(2000, (8, 8))[:-1], ("clip_truncated",)),
    "an MP4 that says it lasts for days": (of_declared_length(2**31), ("shown",)),
    "an MP4 that says it lasts no time": (of_declared_length(0), ("shown",)),
    "frames beyond the file": (of_samples(10**6), ("clip_truncated", "decode_failed")),
    "frames of all memory": (of_samples(2**31 - 1), NOTHING_IN_IT),
    "half an MP4": (MP4[: len(MP4) // 2], ("clip_truncated",)),
    "a third of a WebM": (
        WEBM[: len(WEBM) // 3],
        ("clip_truncated", "decode_failed", "invalid_clip", "shown"),
    ),
    "half a GIF": (GIF[: len(GIF) // 2], ("clip_truncated",)),
    "half a WebP": (WEBP[: len(WEBP) // 2], ("clip_truncated",)),
    "boxes in boxes": (
        struct.pack(">I4s", 8, b"moov") * 50_000,
        ("decode_failed", "clip_truncated", "invalid_clip"),
    ),
    "a box of no size": (struct.pack(">I4s", 0, b"moov") + bytes(4096), ("decode_failed", "clip_truncated")),
}


@pytest.mark.parametrize("name", CODES)
async def test_refused_or_shown(intake: Intake, name: str) -> None:
    data, codes = CODES[name]
    for kind in ("video/mp4", "image/png"):
        assert await code_of(intake, data, kind) in codes


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    """Where the references lead; nobody comes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize("start", [b"", b"\0\0\0\x18ftypmp42", b"\x1a\x45\xdf\xa3", b"OggS", b"GIF89a"])
@pytest.mark.parametrize("list_of_files", [PLAYLIST, CONCAT, DASH])
async def test_a_list_of_files_opens_none(
    intake: Intake, trap: socket.socket, start: bytes, list_of_files: bytes, tmp_path: Path
) -> None:
    """FFmpeg reads such lists, whatever they are called; here the form is that of the first bytes."""
    (secret := tmp_path / "secret.mp4").write_bytes(MP4)
    for url in (f"http://127.0.0.1:{trap.getsockname()[1]}/clip.mp4", secret.as_uri(), "/etc/passwd"):
        data = start + list_of_files.replace(b"URL", url.encode())
        for kind in ("video/mp4", "application/vnd.apple.mpegurl"):
            assert await code_of(intake, data, kind) != "shown"


async def test_a_reference_to_another_file_is_not_followed(
    intake: Intake, trap: socket.socket, tmp_path: Path
) -> None:
    (secret := tmp_path / "secret.mp4").write_bytes(footage.video(footage.scenes(9)))
    for url in (f"http://127.0.0.1:{trap.getsockname()[1]}/clip.mp4", str(secret), secret.as_uri()):
        data = with_reference(url)
        assert url.encode() in data
        try:
            clip = await shown(intake, data)
        except InvalidImage:
            continue
        assert clip.total == 10, "what is shown is in the file itself"


@pytest.mark.parametrize(
    "url",
    [
        "concat:/etc/passwd",
        "subfile,,start,0,end,9,,:/etc/passwd",
        "data:,concat:/etc/passwd",
        "pipe:0",
        "hls+http://127.0.0.1/",
    ],
)
async def test_a_protocol_of_ffmpeg_is_no_clip(intake: Intake, url: str) -> None:
    with pytest.raises(InvalidImage) as caught:
        await intake.clips.accept(url, frames=1, most_bytes=MOST_BYTES)
    assert caught.value.reason in ("media_url_forbidden", "invalid_clip")
    assert "passwd" not in str(caught.value)


@pytest.mark.parametrize("data", [MP4, WEBM, GIF, WEBP], ids=["MP4", "WebM", "GIF", "WebP"])
async def test_damage_anywhere_gives_frames_or_a_fault(intake: Intake, data: bytes) -> None:
    """One byte, or some, and the end cut off."""
    chance = random.Random(20261130)
    codes = set()
    for _ in range(60):
        harmed = bytearray(data[: chance.randrange(len(data) // 2, len(data) + 1)])
        for at in (chance.randrange(len(harmed)) for _ in range(chance.randrange(1, 6))):
            harmed[at] = chance.randrange(256)
        codes.add(await code_of(intake, bytes(harmed)))
    assert codes - {"shown"}, "nothing was damaged"


async def test_what_the_messages_say_is_ours(intake: Intake) -> None:
    """No word of a library, and none of the clip."""
    data = b"\0\0\0\x18ftypmp42" + b"SECRET WORDS" * 40
    with pytest.raises(InvalidImage) as caught:
        await shown(intake, data)
    assert re.fullmatch(r"The clip [a-z ]+\. [A-Z][^.]+(\([^)]+\))?\.", str(caught.value))
    assert base64.b64encode(b"SECRET")[:6].decode() not in str(caught.value)
