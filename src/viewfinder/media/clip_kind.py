"""What a clip's file is, from its first bytes; called by `clips` before anything decodes it, and by `clip`.

Nothing else decides how it is read: a playlist, which names other files, is no clip, whatever it is called.
"""

from typing import Literal

from viewfinder.media.header import OTHERS, Refused

ClipKind = Literal["mov", "matroska", "ogg", "gif", "webp"]
"""The names of FFmpeg's demuxers, and of Pillow's formats."""

KIND_BYTES = 48
"""The beginning that tells the kind; a multiple of 3."""
MOV_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")
PICTURE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"hevx", b"mif1", b"msf1", b"crx ")
"""Of files of the same form that hold pictures."""
NOT_TAKEN: tuple[tuple[str, int, tuple[bytes, ...]], ...] = (
    ("AVI", 8, (b"AVI ",)),
    ("FLV", 0, (b"FLV",)),
    ("WMV", 0, (b"\x30\x26\xb2\x75",)),
    ("MPEG-1 and MPEG-2", 0, (b"\0\0\1\xba", b"\0\0\1\xb3")),
    ("Playlist", 0, (b"#EXTM3U", b"ffconcat", b"<?xml", b"<MPD", b"[playlist]")),
    ("WAV", 8, (b"WAVE",)),
    ("MP3", 0, (b"ID3", b"\xff\xfb")),
    ("FLAC", 0, (b"fLaC",)),
)
STILL_MARKS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


def clip_kind(data: bytes) -> ClipKind:
    """The kind of a file with this beginning. Raises Refused."""
    if not data:
        raise Refused("empty")
    if data[4:8] in MOV_BOXES and not (data[4:8] == b"ftyp" and data[8:12] in PICTURE_BRANDS):
        return "mov"
    if data.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if data.startswith(b"OggS"):
        return "ogg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    raise _not_a_clip(data)


def _not_a_clip(data: bytes) -> Refused:
    if data.startswith(STILL_MARKS):
        return Refused("an_image")
    for name, at, marks in (*NOT_TAKEN, *OTHERS):
        if data.startswith(marks, at):
            return Refused("unsupported", name=name)
    return Refused("not_a_clip")
