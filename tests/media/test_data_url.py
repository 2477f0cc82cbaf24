"""Data URLs in every spelling that the WHATWG's rules allow, and what is none."""

import base64
import io
import tracemalloc
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
import pytest_asyncio
from PIL import Image

from viewfinder.core.config import Limits
from viewfinder.media import data_url
from viewfinder.media.data_url import content_of, decoded
from viewfinder.media.header import Refused
from viewfinder.media.intake import Intake

pytestmark = pytest.mark.asyncio(loop_scope="module")


def a_file() -> bytes:
    """Its base64 has +, / and =."""
    file = io.BytesIO()
    Image.effect_noise((40, 30), 90).convert("RGB").save(file, "PNG")
    return file.getvalue() + b"\xfb\xff" + bytes(-len(file.getvalue()) % 3 + 2)


FILE = a_file()
TEXT = base64.b64encode(FILE).decode()
IN_LINES = base64.encodebytes(FILE).decode()

SPELLED = {
    "as usual": f"data:image/png;base64,{TEXT}",
    "no padding": f"data:image/png;base64,{TEXT.rstrip('=')}",
    "percent-encoded base64": f"data:image/png;base64,{quote(TEXT, safe='')}",
    "percent-encoded in lower case": f"data:image/png;base64,{TEXT.replace('+', '%2b').replace('/', '%2f')}",
    "lines": f"data:image/png;base64,{IN_LINES}",
    "lines of DOS": "data:image/png;base64," + IN_LINES.replace("\n", "\r\n"),
    "blanks": "data:image/png;base64, " + " ".join(TEXT[at : at + 5] for at in range(0, len(TEXT), 5)),
    "percent-encoded blanks": "data:image/png;base64,%20" + TEXT.replace("A", "A%0A"),
    "blanks around it": f" \n data:image/png;base64,{TEXT} ",
    "a line break within": f"da\nta:image/png;ba\r\nse64,{TEXT}",
    "upper case": f"DATA:IMAGE/PNG;BASE64,{TEXT}",
    "parameters": f"data:image/png;charset=utf-8;name=x.png;base64,{TEXT}",
    "blanks before base64": f"data:image/png;  base64 ,{TEXT}",
    "no type": f"data:;base64,{TEXT}",
    "a wrong type": f"data:text/html;base64,{TEXT}",
    "a fragment": f"data:image/png;base64,{TEXT}#top",
    "no base64": f"data:image/png,{quote(FILE)}",
    "no base64, everything escaped": "data:," + "".join(f"%{byte:02x}" for byte in FILE),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def intake() -> AsyncIterator[Intake]:
    async with Intake(Limits()) as one:
        yield one


@pytest.mark.parametrize("url", SPELLED.values(), ids=SPELLED)
async def test_every_spelling_is_the_same_image(intake: Intake, url: str) -> None:
    usual = await intake.accept(SPELLED["as usual"])
    assert await intake.accept(url) == usual
    assert await intake.accept(memoryview(url.encode())) == usual
    assert intake._pixels_of(url) == 1200


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("data:image/png;base64,", "empty"),
        ("data:image/png;base64", "no_comma"),
        (TEXT, "no_prefix"),
        (IN_LINES, "no_prefix"),
        (base64.b64encode(b"GIF89a" + bytes(30)).decode(), "no_prefix"),
        (base64.b64encode(b"BM" + bytes(30)).decode(), "no_prefix"),
        ("A" * 5000, "no_prefix"),
        ("/etc/passwd", "forbidden"),
        ("image.png", "forbidden"),
        ("https://example.org/x.png", "not_fetched"),
        ("blob:https://example.org/1", "forbidden"),
        ("data:image/png;base64,\u00e9", "bad_base64"),
    ],
    ids=lambda value: value[:20],
)
async def test_what_is_no_data_url(url: str, fault: str) -> None:
    with pytest.raises(Refused) as caught:
        content_of(url)
    assert caught.value.fault == fault


@pytest.mark.parametrize("text", [b"A", b"AAAAA", b"AA=A", b"=", b"AAA$", b"AA%3", b"AA-_", b"AA===="])
async def test_what_is_no_base64(text: bytes) -> None:
    with pytest.raises(Refused):
        decoded(text, is_base64=True)


async def test_escapes_at_the_end_of_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_url, "UNESCAPED_BYTES", 5)
    for text in (b"%41%42%43%44", b"xxxx%41%4", b"%4%41%", b"x%41xx%42xx%43", b"100%"):
        expected = (
            text.replace(b"%41", b"A").replace(b"%42", b"B").replace(b"%43", b"C").replace(b"%44", b"D")
        )
        assert decoded(text, is_base64=False) == expected


async def test_the_beginning_of_megabytes_is_all_that_is_read() -> None:
    """The event loop does it."""
    url = memoryview(b"data:image/png;base64," + b"%41" * 5_000_000)
    tracemalloc.start()
    content = content_of(url)
    assert content.is_escaped
    assert content.beginning(48 * 1024) == bytes(16 * 1024 - 1)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 8_000_000
