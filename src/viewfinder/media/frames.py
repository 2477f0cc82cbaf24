"""The protocol between us and the decoder process on its pipes: a head of JSON, then bytes.

Called by `worker` (our side, asyncio) and `decoder` (the process).
"""

import json
import struct
from typing import Any

Frame = tuple[dict[str, Any], bytes]
"""A head and a payload: an order to the process, or its reply."""
SIZES = struct.Struct(">II")
"""Bytes of the head, bytes of the payload."""

MAX_HEAD_BYTES = 4096


def pack_head(head: dict[str, Any], payload_bytes: int) -> bytes:
    """The sizes and the head, which precede a payload of this size."""
    text = json.dumps(head).encode()
    return SIZES.pack(len(text), payload_bytes) + text
