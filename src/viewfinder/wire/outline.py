"""A request's body without its pictures: each long data URL is cut out, and only the small rest is parsed. Of
APIs that send raw base64, so is each long string of the key `data`.

Called by `chat`, and by the gateway to see how much there is to parse.

A photograph is one string of megabytes. To search for its end takes 0.1 ms a megabyte; to decode, parse and
check it as JSON took 8 ms a megabyte and copied it five times. A cut string stays a view of the body until
the decoder gets it.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from viewfinder.core.errors import RequestTooLarge
from viewfinder.wire import strict_json

START_MARK = b'"data:'
"""A quote in front of `data:` is the start of a string, or the body is not JSON."""
RAW_MARK = re.compile(rb'"data(?::|"[ \t\r\n]{0,64}:[ \t\r\n]{0,64}")')
"""The same, or a key `data` with the quote of its string."""
RAW_MARK_BYTES = 256
"""More than any of these marks has."""
VALUE_MARK = re.compile(rb'[:,\[][ \t\r\n]{0,64}"')
"""The quote of any string that is no key: a data URL may begin with blanks, in capitals, or with escapes."""
LONG_BYTES = 4096
"""A shorter string is left where it is."""
MOST_MARKS = 4096
"""No data URL behind this many is cut out."""
LONGEST_ESCAPE = len(rb"\u002B")
WINDOW_BYTES = 1024 * 1024
"""What one call of C code gets: no other thread runs meanwhile."""
RAW_WINDOW_BYTES = 256 * 1024
"""The same for RAW_MARK: a body of nothing but `"data"` takes 7 ms."""
COPIED_BYTES = 32
"""This much of a picture is copied in the time in which a byte of JSON is parsed."""

Place = tuple[dict[Any, Any] | list[Any], Any]
"""A container, and the key or index in it."""
NextMark = Callable[[bytes | bytearray, int], tuple[int, int]]
"""Where the next mark begins, and behind it its string; or -1, and from where to look further."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A string that was cut out: what stands between its quotes, and whether it has a backslash."""

    raw: memoryview
    is_escaped: bool

    @property
    def is_url(self) -> bool:
        """Whether it is a data URL, or else raw base64, of which one is made."""
        return bytes(self.raw[: len(START_MARK) - 1]) == START_MARK[1:]

    def text(self) -> Any:
        return strict_json.loads(b'"%b"' % bytes(self.raw))

    def data(self) -> memoryview:
        """The bytes that it stands for: some clients write `\\/` for `/`, or `\\u002B` for `+`."""
        return memoryview(b"".join(self._unescaped())) if self.is_escaped else self.raw

    def _unescaped(self) -> Iterator[bytes]:
        """In pieces, none of which ends within an escape."""
        at = 0
        while at < len(self.raw):
            piece = bytes(self.raw[at : at + WINDOW_BYTES])
            last = piece.rfind(b"\\", -LONGEST_ESCAPE)
            if last > 0 and at + len(piece) < len(self.raw):
                before = piece[: last + 1]
                if (len(before) - len(before.rstrip(b"\\"))) % 2:
                    piece = before[:-1]
            at += len(piece)
            text = strict_json.loads(b'"%b"' % piece, whole=False)
            yield text.encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Outline:
    """`rest` is JSON in which a name stands for each string of `cut`; nobody can guess the names. `has_all`:
    every long string was cut, whatever it begins with."""

    rest: bytes
    cut: dict[str, Cut]
    most_bytes: int
    has_all: bool = False

    @property
    def work_bytes(self) -> int:
        """How much has to be parsed: the rest, and cut strings that are escaped. To copy others counts."""
        if self.has_all:
            return len(self.rest) + sum(len(cut.raw) for cut in self.cut.values())
        escaped = sum(len(cut.raw) for cut in self.cut.values() if cut.is_escaped)
        copied = sum(len(cut.raw) for cut in self.cut.values() if not (cut.is_escaped or cut.is_url))
        return len(self.rest) + escaped + copied // COPIED_BYTES

    def parse(self, images: Callable[[Any], list[Place]]) -> Any:
        """The value of the body; a string in one of its `images` is a view of its bytes if it was cut out.

        Raises BadRequest `invalid_json`, RequestTooLarge.
        """
        value = [strict_json.loads(self.rest, whole=not self.cut)]
        left = dict(self.cut)
        if left:
            _put_back(images(value[0]), left, Cut.data)
        if left:  # texts that begin like a data URL
            _require_at_most(self.most_bytes, len(self.rest) + sum(len(cut.raw) for cut in left.values()))
            _put_back(_everything(value), left, Cut.text)
        if left:
            strict_json.refuse("has a key that is too long")
        return value[0]


def outline(body: bytes | bytearray, most_bytes: int, *, has_raw_base64: bool = False) -> Outline:
    """The outline of a body. Raises RequestTooLarge as soon as more than `most_bytes` are left.

    Where too much is left, it may be an image that begins in a rare way: to look for it takes longer.
    """
    try:
        return _cut_at(_next_raw_mark if has_raw_base64 else _next_mark, body, most_bytes)
    except RequestTooLarge:
        return _cut_at(_next_value_mark, body, most_bytes)


def _cut_at(next_mark: NextMark, body: bytes | bytearray, most_bytes: int) -> Outline:
    view = memoryview(body)
    pieces: list[memoryview | bytes] = []
    cut: dict[str, Cut] = {}
    name = ""
    kept_from, at, rest_bytes, marks = 0, 0, 0, 0
    while at < len(body) and marks < MOST_MARKS:
        _require_at_most(most_bytes, rest_bytes + at - kept_from)
        found, begin = next_mark(body, at)
        if found < 0:
            at = begin
            continue
        end = body.find(b'"', begin)
        if end < 0:  # no string ends here, so it is not JSON
            break
        at, marks = end, marks + 1
        if end - begin < LONG_BYTES or body[found - 1 : found] == b"\\" or body[end - 1 : end] == b"\\":
            continue
        if body.find(b"\n", begin, end) >= 0 or body.find(b"\r", begin, end) >= 0:
            strict_json.refuse("has a line break in a string")
        name = name or f"cut {secrets.token_hex(8)} "
        called = f"{name}{len(cut)}"
        pieces += (view[kept_from:begin], called.encode())
        rest_bytes += begin - kept_from + len(called)
        cut[called] = Cut(view[begin:end], body.find(b"\\", begin, end) >= 0)
        kept_from = end
    _require_at_most(most_bytes, rest_bytes + len(body) - kept_from)
    rest = b"".join([*pieces, view[kept_from:]])
    return Outline(rest, cut, most_bytes, has_all=next_mark is _next_value_mark)


def _next_mark(body: bytes | bytearray, at: int) -> tuple[int, int]:
    found = body.find(START_MARK, at, at + WINDOW_BYTES)
    return (found, found + 1) if found >= 0 else (-1, at + WINDOW_BYTES - len(START_MARK) + 1)


def _next_raw_mark(body: bytes | bytearray, at: int) -> tuple[int, int]:
    found = RAW_MARK.search(body, at, at + RAW_WINDOW_BYTES)
    if found is None:
        return -1, at + RAW_WINDOW_BYTES - RAW_MARK_BYTES
    return found.start(), found.start() + 1 if found[0] == START_MARK else found.end()


def _next_value_mark(body: bytes | bytearray, at: int) -> tuple[int, int]:
    found = VALUE_MARK.search(body, at, at + RAW_WINDOW_BYTES)
    return (found.start(), found.end()) if found else (-1, at + RAW_WINDOW_BYTES - RAW_MARK_BYTES)


def _require_at_most(most_bytes: int, rest_bytes: int) -> None:
    if rest_bytes > most_bytes:
        raise RequestTooLarge(
            f"The request is larger than {most_bytes:,} bytes without its images.",
            hint="Send images as data:image/png;base64,... and less text, or raise limits.text_bytes.",
        )


def _put_back(places: list[Place], left: dict[str, Cut], made: Callable[[Cut], object]) -> None:
    """Put what is `made` of each cut string in its place, and take it out of `left`."""
    for container, key in places:
        called = container[key]
        if isinstance(called, str) and called in left:
            container[key] = made(left.pop(called))


def image_urls(value: Any) -> list[Place]:
    """The places of images and clips: messages[].content[].image_url.url and video_url.url."""
    messages = value.get("messages") if isinstance(value, dict) else None
    parts = [part for message in _objects(messages) for part in _objects(message.get("content"))]
    media = [part.get(name) for part in parts for name in ("image_url", "video_url")]
    return [(one, "url") for one in media if isinstance(one, dict) and "url" in one]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _everything(value: Any) -> list[Place]:
    """Every place in the value."""
    places: list[Place] = []
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict | list):
            keys = list(item) if isinstance(item, dict) else range(len(item))
            places += ((item, key) for key in keys)
            stack += (item[key] for key in keys)
    return places
