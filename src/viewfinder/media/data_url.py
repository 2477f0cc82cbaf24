"""Data URLs, by the WHATWG's rules: what such a URL says and how it begins, for `intake`; its whole content,
for `decoder`.

    https://url.spec.whatwg.org (blanks, line breaks)     https://fetch.spec.whatwg.org/#data-urls (the rest)

The first looks at the beginning only: a URL has up to 64 MiB, and the gateway waits meanwhile.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from viewfinder.media.addresses import is_remote
from viewfinder.media.header import Refused, read_header

DataUrl = str | memoryview
"""A text, or a view of its bytes in a larger text."""

DECLARED_CHARS = 1024
"""The part of a data URL that has to hold its media type."""
BLANKS = "".join(map(chr, range(0x21)))
"""Control characters and the blank: they count for nothing around a URL."""
LINE_BREAKS = b"\t\n\r"
"""They count for nothing anywhere in a URL."""
NOT_BASE64 = b"\t\n\f\r "
UNESCAPED_BYTES = 1024 * 1024
"""What is unescaped at once: each escape makes an object."""
MANY_CHARS = 256
"""Nobody has a path of this many letters."""
_DATA = re.compile(r"[\t\n\r]*".join("data:"), re.IGNORECASE)
_BASE64_MARK = re.compile(r"; *base64$", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")
_HALF_ESCAPE = re.compile(rb"%[0-9A-Fa-f]?$")


@dataclass(frozen=True, slots=True)
class UrlContent:
    """The part of a data URL behind its comma, still as it is written."""

    text: DataUrl
    is_base64: bool

    @property
    def most_bytes(self) -> int:
        """The most that it can stand for."""
        return len(self.text) * 3 // 4 if self.is_base64 else len(self.text)

    @property
    def is_escaped(self) -> bool:
        """Whether its beginning has escapes."""
        return b"%" in _bytes(self.text[:UNESCAPED_BYTES])

    def beginning(self, most_bytes: int) -> bytes:
        """The first bytes of what it stands for, at most that many. Raises Refused."""
        start = _bytes(self.text[: most_bytes // 3 * 4 if self.is_base64 else most_bytes])
        written = _written(_HALF_ESCAPE.sub(b"", start), self.is_base64)
        return _of_base64(written[: len(written) // 4 * 4]) if self.is_base64 else written


def content_of(url: DataUrl) -> UrlContent:
    """The content of a data URL; its declared media type is ignored. Raises Refused."""
    head = _bytes(url[:DECLARED_CHARS]).decode("latin-1")
    begun = head.lstrip(BLANKS)
    if not begun:
        raise Refused("empty")
    if not _DATA.match(begun):
        raise _none(begun)
    declared, comma, _ = head.partition(",")
    if not comma:
        raise Refused("no_comma")
    text = url[len(declared) + 1 :]
    if not text:
        raise Refused("empty")
    if isinstance(text, str) and not text.isascii():
        raise Refused("bad_base64")
    declared = declared.translate(dict.fromkeys(LINE_BREAKS)).rstrip()
    return UrlContent(text, is_base64=_BASE64_MARK.search(declared) is not None)


def decoded(text: bytes, *, is_base64: bool) -> bytes:
    """The file that a whole content stands for. Raises Refused."""
    written = _written(text, is_base64)
    return _of_base64(written + b"=" * (-len(written) % 4)) if is_base64 else written


def _written(text: bytes, is_base64: bool) -> bytes:
    """The base64, or the file itself, without what counts for nothing."""
    text = text.partition(b"#")[0].translate(None, LINE_BREAKS)
    if b"%" in text:
        text = b"".join(_unescaped(text))
    return text.translate(None, NOT_BASE64) if is_base64 else text


def _unescaped(text: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(text):
        piece = text[at : at + UNESCAPED_BYTES]
        half = _HALF_ESCAPE.search(piece, len(piece) - 2)
        if half and half.start() and at + len(piece) < len(text):
            piece = piece[: half.start()]
        at += len(piece)
        yield unquote_to_bytes(piece)


def _of_base64(text: bytes) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        raise Refused("bad_base64") from None


def _none(begun: str) -> Refused:
    """What to say of what is no data URL."""
    if is_remote(begun):
        return Refused("not_fetched")
    return Refused("no_prefix" if _is_base64_of_an_image(begun) else "forbidden")


def _is_base64_of_an_image(begun: str) -> bool:
    """Whether it is what stands behind the comma of a data URL, as the API of Ollama wants it."""
    if not _BASE64.fullmatch(begun):
        return False
    try:
        read_header(UrlContent(begun, is_base64=True).beginning(DECLARED_CHARS))
    except Refused as refused:
        return refused.fault not in ("not_an_image", "bad_base64") or len(begun) >= MANY_CHARS
    return True


def _bytes(text: DataUrl) -> bytes:
    """A short part of a URL; what is not ASCII is not what it was, and is refused."""
    return text.encode("ascii", "replace") if isinstance(text, str) else text.tobytes()
