"""The protocol between us and a decoder process on its pipes: a head of JSON, then bytes.

Called by `worker` (our side, asyncio) and `decoder` (the process).
"""

import json
import struct
from dataclasses import dataclass
from typing import Any, Literal

FrameChoice = Literal["time", "change"]
"""How the frames of a clip are chosen."""
Frame = tuple[dict[str, Any], bytes]
"""A head and a payload: an order to the process, or its reply."""
SIZES = struct.Struct(">II")
"""Bytes of the head, bytes of the payload."""

MAX_HEAD_BYTES = 16 * 1024
"""That of a clip has a line for each frame."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to make of an image. It is shrunk to fit `longest_edge` and `most_pixels`; `most_bytes` is the
    size of its file. None: no limit. A thumbnail is a small JPEG.

    `is_base64` says how the file is written in its data URL."""

    longest_edge: int | None = None
    most_pixels: int | None = None
    most_bytes: int | None = None
    is_thumbnail: bool = False
    is_base64: bool = True


@dataclass(frozen=True, slots=True)
class ClipOrder:
    """What to make of a clip: at most `frames` of it, chosen evenly over its time, or where most changes.

    Each is shrunk to fit `frame_pixels`, and their files to `most_bytes` together. A clip of more than
    `most_s` seconds is refused, and one whose own frames have more than `most_pixels`.
    """

    frames: int
    choose: FrameChoice
    frame_pixels: int
    most_bytes: int
    most_pixels: int
    most_s: float
    is_base64: bool = True


AnyOrder = Order | ClipOrder


def pack_head(head: dict[str, Any], payload_bytes: int) -> bytes:
    """The sizes and the head, which precede a payload of this size."""
    text = json.dumps(head).encode()
    return SIZES.pack(len(text), payload_bytes) + text
