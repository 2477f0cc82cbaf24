"""Hostile images: each is refused with its code or made safe, and the decoder survives.

"Nothing is lost" is checked after each one: the same decoder process is alive, its memory is back, and the
next image is decoded. The rows are those of the acceptance list of hostile and faulty inputs.
"""

import asyncio
import base64
import io
import os
import signal
import struct
import sys
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio
from PIL import Image

from viewfinder.core.config import Limits
from viewfinder.core.errors import InvalidImage
from viewfinder.media.intake import Intake
from viewfinder.media.safe_image import SafeImage

pytestmark = pytest.mark.asyncio(loop_scope="module")

MIB = 2**20
PNG_START = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    *extra: bytes, width: int = 8, height: int = 8, bits: int = 8, kind: int = 2, rows: bytes | None = None
) -> bytes:
    """A PNG from its parts; `extra` chunks stand before the pixels."""
    if rows is None:
        rows = zlib.compress((b"\0" + b"\xff\0\0" * width) * height)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    return PNG_START + head + b"".join(extra) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def saved(format: str, size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size, 80).convert(mode).save(file, format, **options)
    return file.getvalue()


def url(data: bytes, declared: str = "image/png") -> str:
    return f"data:{declared};base64,{base64.b64encode(data).decode()}"


def zeros(megabytes: int) -> bytes:
    """This many megabytes of zeros, compressed to a thousandth: one again and again, and the checksum."""
    packer = zlib.compressobj(9)
    first, again = (packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    checksum = megabytes * MIB % 65521 << 16 | 1  # Adler-32 (RFC 1950)
    return first + again * (megabytes - 1) + packer.flush()[:-4] + checksum.to_bytes(4)


BOMB = zeros(256)
GOOD = url(saved("PNG"))


def changed(data: bytes, at: int, patch: bytes) -> bytes:
    return data[:at] + patch + data[at + len(patch) :]


def jpeg_of_size(width: int, height: int) -> bytes:
    data = saved("JPEG")
    at = data.index(b"\xff\xc0") + 5
    return changed(data, at, struct.pack(">HH", height, width))


def webp_of_size(width: int, height: int) -> bytes:
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return changed(saved("WEBP", exif=b"Exif\0\0x"), 24, canvas)


def gif_of_size(width: int, height: int, picture: int = 0) -> bytes:
    """A GIF with this screen, whose picture is that large."""
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0)
    size = struct.pack("<HHHH", 0, 0, picture or width, picture or height)
    return screen + b"!\xf9\4\x08\0\0\0\0" + b"," + size + b"\0\2\2D\1\0;"


def of_scans(size: tuple[int, int], more: int) -> bytes:
    """A progressive JPEG that repeats its last scan this often."""
    file = io.BytesIO()
    Image.new("L", size, 128).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * more + data[-2:]


def many_frames(format: str, frames: int) -> bytes:
    images = [Image.new("L", (16, 16), at % 256) for at in range(frames)]
    file = io.BytesIO()
    images[0].save(file, format, save_all=True, append_images=images[1:])
    return file.getvalue()


def endless_png(frames: int) -> bytes:
    """An animation that says and has so many frames, each the whole picture."""
    pixels = zlib.compress((b"\0" + b"\0\xff\0" * 8) * 8)
    control = struct.pack(">IIIIIHHBB", 1, 8, 8, 0, 0, 1, 100, 0, 0)
    frame = chunk(b"fcTL", control) + chunk(b"fdAT", struct.pack(">I", 2) + pixels)
    start = png(chunk(b"acTL", struct.pack(">II", frames, 0)))
    return start[:-12] + frame * frames + start[-12:]


def endless_webp(number: int) -> bytes:
    """An animation whose second frame comes again and again."""
    file = io.BytesIO()
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "green")]
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    data = file.getvalue()
    at = data.rindex(b"ANMF")
    body = data[12:at] + data[at:] * (number - 1)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


REFUSED: dict[str, tuple[str, str]] = {
    "a text file": (url(b"Dear sir,\nplease find attached my picture.\n"), "invalid_image"),
    "a text file called a JPEG": (url(b"hello", "image/jpeg"), "invalid_image"),
    "an HTML page": (url(b"<!DOCTYPE html><html><img src=x></html>", "image/png"), "invalid_image"),
    "JSON": (url(b'{"image": "me"}'), "invalid_image"),
    "an ELF program": (url(b"\x7fELF" + b"\0" * 200), "invalid_image"),
    "a zip": (url(b"PK\3\4" + b"\0" * 200), "invalid_image"),
    "nothing": ("data:image/png;base64,", "invalid_image"),
    "an empty string": ("", "invalid_image"),
    "one byte": (url(b"\x89"), "invalid_image"),
    "broken base64": ("data:image/png;base64,iVBORw0KGgo*", "invalid_image"),
    "base64 cut short": (GOOD[:-3], "invalid_image"),
    "no comma": ("data:image/png;base64", "invalid_image"),
    "percent-encoded, and nothing more": ("data:image/png,%89PNG", "invalid_image"),
    "an address": ("http://169.254.169.254/latest/meta-data/", "media_url_forbidden"),
    "an address in a number": ("http://2130706433/x.png", "media_url_forbidden"),
    "a file's address": ("file:///etc/passwd", "media_url_forbidden"),
    "a path": ("/etc/passwd", "media_url_forbidden"),
    "a path upwards": ("../../../../etc/passwd", "media_url_forbidden"),
    "TIFF": (url(saved("TIFF")), "unsupported_image_format"),
    "EPS": (url(saved("EPS")), "unsupported_image_format"),
    "PSD": (url(b"8BPS\0\1" + b"\0" * 40), "unsupported_image_format"),
    "FITS": (url(b"SIMPLE  =                    T" + b" " * 50), "unsupported_image_format"),
    "ICO": (url(saved("ICO")), "unsupported_image_format"),
    "BMP": (url(saved("BMP")), "unsupported_image_format"),
    "PDF": (url(saved("PDF")), "unsupported_image_format"),
    "SVG": (
        url(b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"),
        "unsupported_image_format",
    ),
    "HEIC": (url(b"\0\0\0\x24ftypheic\0\0\0\0mif1heic" + b"\0" * 40), "unsupported_image_format"),
    "AVIF": (url(b"\0\0\0\x20ftypavif\0\0\0\0mif1avif" + b"\0" * 40), "unsupported_image_format"),
    "PNG of 50,000 x 50,000": (url(png(width=50_000, height=50_000, rows=b"x" * 5000)), "image_too_large"),
    "PNG of 2 billion squared": (url(png(width=2**31 - 1, height=2**31 - 1, rows=b"x")), "image_too_large"),
    "JPEG of 65,535 x 65,535": (url(jpeg_of_size(65_535, 65_535)), "image_too_large"),
    "WebP of 16 million squared": (url(webp_of_size(2**24, 2**24)), "image_too_large"),
    "WebP that lies about its size": (url(webp_of_size(5000, 5000)), "decode_failed"),
    "PNG of no width": (url(png(width=0)), "invalid_image"),
    "JPEG of no height": (url(jpeg_of_size(64, 0)), "invalid_image"),
    "1 x 65,000": (url(png(width=1, height=65_000)), "invalid_image"),
    "PNG, half": (url(saved("PNG")[:2000]), "image_truncated"),
    "JPEG, half": (url(saved("JPEG")[:900]), "image_truncated"),
    "WebP, half": (url(saved("WEBP")[:900]), "image_truncated"),
    "PNG, only its mark": (url(PNG_START), "image_truncated"),
    "JPEG, only its mark": (url(b"\xff\xd8\xff"), "image_truncated"),
    "PNG with rows of noise": (url(png(rows=b"\xde\xad\xbe\xef" * 100)), "decode_failed"),
    "PNG with a wrong checksum": (url(changed(png(), 30, b"\0\0\0")), "decode_failed"),
    "PNG of a colour type that is not": (url(png(kind=5)), "decode_failed"),
    "PNG chunk of 4 GB": (
        url(PNG_START + png()[8:33] + b"\xff\xff\xff\xffIDAT" + b"x" * 99),
        "image_truncated",
    ),
    "GIF of 65,535 x 65,535": (url(gif_of_size(65_535, 65_535)), "image_too_large"),
    "GIF whose picture is larger than its screen": (url(gif_of_size(8, 8, 65_535)), "image_too_large"),
    "JPEG of a thousand scans": (url(of_scans((64, 48), 1000)), "image_too_complex"),
    "JPEG of nothing but fill bytes": (url(b"\xff\xd8\xff" + b"\xff" * 5 * MIB), "decode_failed"),
}

MADE_SAFE: dict[str, tuple[bytes, tuple[int, int]]] = {
    "PNG with a profile that is a bomb": (png(chunk(b"iCCP", b"a\0\0" + BOMB)), (8, 8)),
    "PNG with a text that is a bomb": (png(chunk(b"zTXt", b"a\0\0" + BOMB)), (8, 8)),
    "PNG with a hundred such texts": (png(*[chunk(b"iTXt", b"a\0\1\0\0\0" + BOMB)] * 100), (8, 8)),
    "PNG with a hundred thousand comments": (png(*[chunk(b"tEXt", b"a\0b")] * 100_000), (8, 8)),
    "PNG with a gamma of nothing": (png(chunk(b"gAMA", bytes(4)), chunk(b"cHRM", bytes(32))), (8, 8)),
    "JPEG with a profile of noise": (saved("JPEG", icc_profile=b"\xde\xad" * 500_000), (64, 48)),
    "WebP with a profile of noise": (saved("WEBP", icc_profile=b"\xde\xad" * 500_000), (64, 48)),
    "animated GIF": (many_frames("GIF", 50), (16, 16)),
    "1 x 1": (png(width=1, height=1), (1, 1)),
    "animated PNG": (many_frames("PNG", 50), (16, 16)),
    "animated WebP": (many_frames("WEBP", 50), (16, 16)),
    "PNG whose rows go on and on": (png(rows=BOMB), (8, 8)),
    "PNG with too few rows": (png(height=9, rows=zlib.compress(b"\0" * 25)), (8, 9)),
    "PNG with a trailer": (png() + b"<script>alert(1)</script>" * 100, (8, 8)),
    "16 bits of grey": (saved("PNG", mode="I;16"), (64, 48)),
    "grey and alpha": (saved("PNG", mode="LA"), (64, 48)),
    "palette": (saved("PNG", mode="P"), (64, 48)),
    "palette and alpha": (saved("PNG", mode="P", transparency=b"\0" * 99), (64, 48)),
    "one bit": (saved("PNG", mode="1"), (64, 48)),
    "CMYK": (saved("JPEG", mode="CMYK"), (64, 48)),
    "grey JPEG": (saved("JPEG", mode="L"), (64, 48)),
    "progressive JPEG": (saved("JPEG", progressive=True), (64, 48)),
    "progressive JPEG of ninety scans": (of_scans((64, 48), 80), (64, 48)),
    "JPEG with the scans of thumbnails": (
        saved("JPEG", exif=b"Exif\0\0II*\0" + b"\xff\xda\0\x02" * 2000),
        (64, 48),
    ),
    "JPEG with other pictures behind it": (saved("JPEG") * 150, (64, 48)),
    "turned by EXIF": (
        saved("JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"),
        (48, 64),
    ),
    "EXIF of noise": (saved("JPEG", exif=b"Exif\0\0" + b"\xde\xad" * 400), (64, 48)),
    "EXIF that refers to itself": (
        saved("JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\1\0i\x87\4\0\1\0\0\0\x08\0\0\0"),
        (64, 48),
    ),
    "WebP with alpha": (saved("WEBP", mode="RGBA"), (64, 48)),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def intake() -> AsyncIterator[Intake]:
    """One intake for the whole file, like that of one gateway."""
    async with Intake(Limits()) as one:
        await one.accept(GOOD)
        yield one


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def nothing_is_lost(intake: Intake) -> AsyncIterator[None]:
    pids = intake.decoder.pids
    yield
    assert (await intake.accept(GOOD)).width == 64
    assert intake.decoder.pids[: len(pids)] == pids
    assert all(psutil.Process(pid).memory_info().rss < 150 * MIB for pid in intake.decoder.pids)


@pytest.mark.parametrize(("sent", "code"), REFUSED.values(), ids=REFUSED)
async def test_refused(intake: Intake, sent: str, code: str) -> None:
    started_s = time.monotonic()
    with pytest.raises(InvalidImage) as caught:
        await intake.accept(sent)
    error = caught.value
    assert error.reason == code
    assert error.hint
    assert len(str(error)) < 250
    assert not any(
        word in str(error) for word in ("Pillow", "PIL", "0x", "Error", "passwd", "zlib", "libpng")
    )
    assert time.monotonic() - started_s < 5


@pytest.mark.parametrize(("data", "size"), MADE_SAFE.values(), ids=MADE_SAFE)
@pytest.mark.parametrize("declared", ["image/png", "image/svg+xml", "application/octet-stream"])
async def test_made_safe(intake: Intake, data: bytes, size: tuple[int, int], declared: str) -> None:
    safe: SafeImage = await intake.accept(url(data, declared))
    start, _, encoded = safe.data_url.partition(",")
    assert start in ("data:image/png;base64", "data:image/jpeg;base64")
    image = Image.open(io.BytesIO(base64.b64decode(encoded)))
    image.load()
    assert (image.mode, image.size, (safe.width, safe.height)) == ("RGB", size, size)
    assert b"script" not in base64.b64decode(encoded)


@pytest.mark.parametrize("make", [endless_png, endless_webp])
async def test_of_a_hundred_thousand_frames_the_first_is_taken(intake: Intake, make: Any) -> None:
    data = make(100_000)
    began_s = time.monotonic()
    safe = await intake.accept(url(data))
    assert time.monotonic() - began_s < 3
    image = Image.open(io.BytesIO(base64.b64decode(safe.data_url.partition(",")[2])))
    red, green, _ = image.convert("RGB").getpixel((1, 1))
    assert red > 200
    assert green < 100


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize(
    "sent",
    [
        url(MADE_SAFE["PNG with a hundred such texts"][0]),
        url(MADE_SAFE["PNG with a profile that is a bomb"][0]),
        *(REFUSED[name][0] for name in ("PNG of 50,000 x 50,000", "WebP that lies about its size")),
        REFUSED["GIF whose picture is larger than its screen"][0],
    ],
    ids=["texts", "profile", "PNG", "WebP", "GIF"],
)
async def test_a_bomb_never_goes_off(sent: str) -> None:
    """The peak memory of a fresh decoder: a bomb that is unpacked before it is refused would show."""
    async with Intake(Limits()) as fresh:
        with suppress(InvalidImage):
            await fresh.accept(sent)
        status = Path(f"/proc/{fresh.decoder.pids[0]}/status").read_text()  # noqa: ASYNC240
    peak_bytes = int(status.split("VmHWM:")[1].split()[0]) * 1024
    assert peak_bytes < 200 * MIB


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, 0], ids=["killed", "crashed", "frozen"])
async def test_a_decoder_that_ends_or_is_frozen_costs_no_image(number: int) -> None:
    async with Intake(Limits()) as frail:
        await frail.accept(GOOD)
        began_s = time.monotonic()
        image = await _hit(frail, number)
        assert (await image).width == 64
        assert time.monotonic() - began_s < 3


async def _hit(intake: Intake, number: int) -> asyncio.Task[SafeImage]:
    """An image in progress, whose decoder got the signal meanwhile; 0: it is frozen."""
    (pid,) = intake.decoder.pids
    os.kill(pid, signal.SIGSTOP)
    task = asyncio.create_task(intake.accept(GOOD))
    await asyncio.sleep(0.05)  # its order is written
    os.kill(pid, number)
    with suppress(ProcessLookupError):  # SIGKILL ends what is stopped, too
        os.kill(pid, signal.SIGCONT if number else 0)
    return task


async def test_a_jpeg_of_thousands_of_scans_takes_no_time(intake: Intake) -> None:
    """0.34 MB took the decoder all of its 20 s."""
    began_s = time.monotonic()
    with pytest.raises(InvalidImage) as caught:
        await intake.accept(url(of_scans((7000, 7000), 3000), "image/jpeg"))
    assert caught.value.reason == "image_too_complex"
    assert "baseline" in caught.value.hint
    assert time.monotonic() - began_s < 5


async def test_honest_progressive_jpegs_of_the_largest_size_pass(intake: Intake) -> None:
    image = await intake.accept(url(of_scans((7000, 7000), 8), "image/jpeg"), most_pixels=1_000_000)
    assert image.reduced_from == (7000, 7000)
