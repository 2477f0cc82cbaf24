"""A JPEG without metadata that Pillow would fail on, and the profile of its colours; called by `picture`."""

from viewfinder.media.header import JPEG_BARE_MARKERS, JPEG_END, JPEG_SCAN, MAX_JPEG_SEGMENTS

PROFILE_MARK = b"ICC_PROFILE\0"
LEAST_BYTES = {0xE0: (b"JFIF", 14), 0xEE: (b"Adobe", 12)}
"""By marker: how a segment begins that Pillow reads, and how long it then has to be."""


def plain_jpeg(data: bytes) -> tuple[bytes, bytes]:
    """A file of the same pixels, and the ICC profile of its colours, empty if it has none that is whole."""
    kept, kept_from, at = [], 0, 2
    profile: dict[int, bytes] = {}
    for _ in range(MAX_JPEG_SEGMENTS):
        if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] in (JPEG_SCAN, JPEG_END):
            break
        marker = data[at + 1]
        if marker == 0xFF or marker in JPEG_BARE_MARKERS:
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + max(2, int.from_bytes(data[at + 2 : at + 4]))
        body = data[at + 4 : end]
        if marker == 0xE2 and body.startswith(PROFILE_MARK):
            profile.setdefault(int.from_bytes(body[12:13]), body[14:])
        if marker == 0xE2 or _is_too_short(marker, body):
            kept.append(data[kept_from:at])
            kept_from = end
        at = end
    whole = b"".join(profile[number] for number in sorted(profile))
    return (b"".join((*kept, data[kept_from:])) if kept else data), whole


def _is_too_short(marker: int, body: bytes) -> bool:
    begins, least = LEAST_BYTES.get(marker, (b"", 0))
    return body.startswith(begins) and len(body) < least
