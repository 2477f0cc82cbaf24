"""A PNG without what does not matter for its pixels, and what it says about its colours; called by `picture`.

Pillow refuses a good picture for a comment with a wrong checksum or with megabytes of text. What stands in
other chunks than these never reaches it.
"""

import struct
import zlib
from collections.abc import Iterator

from viewfinder.media.matrix_profile import Primaries, matrix_profile

START = b"\x89PNG\r\n\x1a\n"
MAX_PROFILE_BYTES = 4 * 1024 * 1024
"""Of a colour profile; the largest that is in common use, for print, has 2.7 MB."""
MAX_EXIF_BYTES = 1024 * 1024
CLEAR_BYTES = {0: (2,), 2: (6,), 3: range(1, 257)}
"""The sizes that tRNS may have, by the kind of colours."""


def plain_png(data: bytes) -> tuple[bytes, bytes]:
    """A file of the same pixels, and the ICC profile of its colours, empty for sRGB.

    What is wrong with the chunks that matter is left for a decoder to find.
    """
    kept: list[bytes | memoryview] = [START]
    said: dict[bytes, bytes] = {}
    view = memoryview(data)
    for name, begin, end in _chunks(data):
        if not (name.isalpha() and name[:1].islower()):  # it is needed for the pixels, or is damaged
            kept.append(view[begin:end])
        elif name in (b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"eXIf", b"tRNS"):
            body = data[begin + 8 : end - 4]
            if end - begin == len(body) + 12 and _is_sound(name, body, data[end - 4 : end], kind=data[25]):
                said.setdefault(name, body)
                if name in (b"eXIf", b"tRNS"):
                    kept.append(view[begin:end])
    return b"".join(kept), _profile_of(said)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Each chunk's name, and where it begins and ends; the last may be cut off."""
    at = len(START)
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        end = min(at + length + 12, len(data))
        yield name, at, end
        if name == b"IEND":
            return
        at = end


def _is_sound(name: bytes, body: bytes, checksum: bytes, *, kind: int) -> bool:
    if name == b"eXIf" and len(body) > MAX_EXIF_BYTES:
        return False
    if name == b"tRNS" and len(body) not in CLEAR_BYTES.get(kind, ()):
        return False
    return zlib.crc32(name + body).to_bytes(4) == checksum


def _profile_of(said: dict[bytes, bytes]) -> bytes:
    """The PNG standard's order: a profile comes before sRGB, and that before gamma and chromaticities."""
    if profile := _unpacked(said.get(b"iCCP", b"")):
        return profile
    if b"sRGB" in said:
        return b""
    gamma, primaries = None, None
    if len(said.get(b"gAMA", b"")) == 4:
        gamma = int.from_bytes(said[b"gAMA"]) / 100_000
    if len(said.get(b"cHRM", b"")) == 32:
        x_and_y = [value / 100_000 for value in struct.unpack(">8I", said[b"cHRM"])]
        primaries = Primaries(*zip(x_and_y[::2], x_and_y[1::2], strict=True))
    return matrix_profile(gamma, primaries)


def _unpacked(body: bytes) -> bytes:
    """The profile in an iCCP chunk; empty when it is broken or too large."""
    _, _, packed = body.partition(b"\0")
    if packed[:1] != b"\0":
        return b""
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(packed[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return b""
    return profile if unpacker.eof else b""
