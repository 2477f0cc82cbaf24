"""The program that decodes images, in a process that may crash; started by `worker`, one at a time.

Reads orders from stdin, writes replies to stdout, and exits at the end of stdin, even in the middle of an
image. Usage: python -m viewfinder.media.decoder MAX_PIXELS CPU_SECONDS
"""

import base64
import binascii
import json
import os
import queue
import resource
import sys
import threading
import time
from typing import Any, BinaryIO

from viewfinder.media.frames import SIZES, Frame, pack_head
from viewfinder.media.header import Refused
from viewfinder.media.picture import make_picture

BASE_BYTES = 512 * 1024 * 1024
BYTES_PER_PIXEL = 32
"""A WebP with transparency needs the most, measured: 20 (two canvases, its frame, layers to flatten)."""


def main(max_pixels: int, cpu_s: float) -> None:
    _limit(resource.RLIMIT_AS, BASE_BYTES + BYTES_PER_PIXEL * max_pixels)
    _limit(resource.RLIMIT_CORE, 0)  # a crash must not write a client's picture to disk
    _limit(resource.RLIMIT_FSIZE, 0)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a codec prints is not a reply
    orders: queue.SimpleQueue[Frame] = queue.SimpleQueue()
    threading.Thread(target=_read_orders, args=(sys.stdin.buffer, orders), daemon=True).start()
    _reply(replies, {"ready": True})
    while True:
        head, payload = orders.get()
        _limit(resource.RLIMIT_CPU, int(time.process_time() + cpu_s) + 1)
        _reply(replies, *_decode(payload, max_pixels, head))


def _decode(payload: bytes, max_pixels: int, order: dict[str, Any]) -> Frame:
    """The head and payload of the reply: a data URL, or the fault."""
    try:
        data = binascii.a2b_base64(payload.translate(None, b"\r\n"), strict_mode=True)
        picture = make_picture(
            data,
            max_pixels=max_pixels,
            longest_edge=order["longest_edge"],
            is_thumbnail=order.get("is_thumbnail", False),
        )
    except binascii.Error:
        return {"fault": "bad_base64"}, b""
    except Refused as refused:
        return {"fault": refused.fault, "details": refused.details}, b""
    except MemoryError:
        return {"fault": "damaged"}, b""
    head = {"width": picture.width, "height": picture.height, "digest": picture.digest}
    return head, b"data:" + picture.media_type.encode() + b";base64," + base64.b64encode(picture.data)


def _read_orders(stream: BinaryIO, orders: "queue.SimpleQueue[Frame]") -> None:
    while sizes := stream.read(SIZES.size):
        if len(sizes) < SIZES.size:
            break
        head_bytes, payload_bytes = SIZES.unpack(sizes)
        head, payload = stream.read(head_bytes), stream.read(payload_bytes)
        if len(head) < head_bytes or len(payload) < payload_bytes:
            break
        orders.put((json.loads(head), payload))
    os._exit(0)  # the main thread may be deep in a codec


def _reply(stream: BinaryIO, head: dict[str, Any], payload: bytes = b"") -> None:
    stream.write(pack_head(head, len(payload)))
    stream.write(payload)
    stream.flush()


def _limit(which: int, soft: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    try:
        resource.setrlimit(which, (soft, hard))
    except (ValueError, OSError):  # macOS does not support RLIMIT_AS
        return


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
