"""The program that decodes images and clips, in a process that may crash; started by `worker`.

Reads orders from stdin, writes replies to stdout, and exits at the end of stdin, even in the middle of an
image. Usage: python -m viewfinder.media.decoder MAX_PIXELS CPU_SECONDS OWNER_PID [NICENESS]
"""

import base64
import contextlib
import json
import os
import queue
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

from viewfinder.host.warden import PR_SET_PDEATHSIG, prctl
from viewfinder.media.data_url import decoded
from viewfinder.media.frames import SIZES, ClipOrder, Frame, Order, pack_head
from viewfinder.media.header import Refused
from viewfinder.media.picture import Picture, make_picture

BASE_BYTES = 512 * 1024 * 1024
BYTES_PER_PIXEL = 32
"""A WebP with transparency needs the most, measured: 20 (two canvases, its frame, layers to flatten)."""


def main(max_pixels: int, cpu_s: float, owner: int, niceness: int = 0) -> None:
    _die_with(owner)
    os.nice(niceness)
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
        # Our owner looks at the time that is used; this holds when the owner is busy.
        _limit(resource.RLIMIT_CPU, int(time.process_time() + head.pop("cpu_s", cpu_s)) + 2)
        _reply(replies, *_decode(payload, max_pixels, head))


def _decode(payload: bytes, max_pixels: int, order: dict[str, Any]) -> Frame:
    """The head and payload of the reply: a data URL (of a clip: one for each frame), or the fault."""
    try:
        if "choose" in order:
            return _clip(payload, ClipOrder(**order))
        wanted = Order(**order)
        data = decoded(payload, is_base64=wanted.is_base64)
        picture = make_picture(data, max_pixels=max_pixels, order=wanted)
    except Refused as refused:
        return {"fault": refused.fault, "details": refused.details}, b""
    except MemoryError:
        return {"fault": "damaged"}, b""
    head = {
        "width": picture.width,
        "height": picture.height,
        "digest": picture.digest,
        "reduced_from": picture.reduced_from,
        "upright": picture.upright,
        "area": picture.area,
    }
    return head, _data_url(picture)


def _clip(payload: bytes, order: ClipOrder) -> Frame:
    from viewfinder.media.clip import make_clip  # few need it

    clip = make_clip(decoded(payload, is_base64=order.is_base64), order)
    urls = [_data_url(picture) for picture in clip.pictures]
    frames = [
        (picture.width, picture.height, picture.digest, at_s, len(url))
        for picture, at_s, url in zip(clip.pictures, clip.times, urls, strict=True)
    ]
    return {"frames": frames, "total": clip.total, "seconds": clip.seconds}, b"".join(urls)


def _data_url(picture: Picture) -> bytes:
    return b"data:" + picture.media_type.encode() + b";base64," + base64.b64encode(picture.data)


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


def _die_with(owner: int) -> None:
    """Let the owner's death kill this process even while it is stopped (SIGSTOP), and let the system kill it
    before its owner and the engines when memory runs out; macOS can do neither."""
    if sys.platform == "linux":
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != owner:  # it died before the line above
            os._exit(0)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("800")


def _limit(which: int, soft: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    try:
        resource.setrlimit(which, (soft, hard))
    except (ValueError, OSError):  # macOS does not support RLIMIT_AS
        return


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), *map(int, sys.argv[4:5]))
