"""Turns a clip from a client into a few safe images with their times; a part of `intake`.

Called by the gateway. Clips have a decoder process of their own, one clip at a time, which leaves the
processor to others: an image never waits for a clip.
"""

from dataclasses import dataclass, replace
from typing import Any

from viewfinder.core.config import Limits
from viewfinder.core.errors import Busy
from viewfinder.media.clip_faults import clip_refusal
from viewfinder.media.clip_kind import KIND_BYTES, clip_kind
from viewfinder.media.data_url import DataUrl, UrlContent, content_of
from viewfinder.media.fairness import NOBODY, Client
from viewfinder.media.frames import ClipOrder, FrameChoice
from viewfinder.media.header import Refused
from viewfinder.media.pool import DecoderPool
from viewfinder.media.safe_image import SafeImage
from viewfinder.media.seen import Seen, sight_of
from viewfinder.media.worker import Decoded, DecoderLost, DecoderTimeout
from viewfinder.wire.long_text import LongText

NICENESS = 10
WALL = 6
"""How much longer than its processor time a clip may take: others come first."""
MOST_WAITING = 64
CLIP_RETRY_S = 5.0
PADDING_BYTES = 2


@dataclass(frozen=True, slots=True)
class SafeClip:
    """The chosen frames of a clip, and when each is shown, in seconds from its beginning; `total` is how many
    it has, in `seconds`."""

    frames: tuple[SafeImage, ...]
    times: tuple[float, ...]
    total: int
    seconds: float

    @property
    def size_bytes(self) -> int:
        return sum(frame.size_bytes for frame in self.frames)


class Clips:
    """Accepts the clips of one intake."""

    def __init__(self, limits: Limits) -> None:
        self.decoder = DecoderPool(_one_lane(limits), niceness=NICENESS, resident=0)
        self._limits = limits
        self._seen: Seen[SafeClip] = Seen()
        self._closed = 0

    def limit(self, limits: Limits) -> None:
        """Use other limits from the next clip on."""
        self._limits = limits
        self._seen.clear()
        self.decoder.limit(_one_lane(limits))

    async def close(self) -> None:
        """Stop the decoder process; a clip after that starts it again."""
        self._closed += 1
        self._seen.clear()
        await self.decoder.close()

    async def accept(
        self,
        url: DataUrl,
        *,
        frames: int,
        choose: FrameChoice = "time",
        client: Client = NOBODY,
        most_pixels: int | None = None,
        most_bytes: int,
    ) -> SafeClip:
        """At most `frames` frames of the clip in a data URL, each of at most `most_pixels`, their files of
        `most_bytes` together. Raises InvalidImage, Busy."""
        limits = self._limits
        order = ClipOrder(
            frames=frames,
            choose=choose,
            frame_pixels=min(limits.clip_frame_pixels, most_pixels or limits.clip_frame_pixels),
            most_bytes=most_bytes,
            most_pixels=limits.clip_pixels,
            most_s=limits.clip_s,
        )
        sight = sight_of(url, order, client.name)
        clip = self._seen.get(sight)
        if clip is None:
            clip = await self._accept(url, order, client)
            self._seen.put(sight, clip)
        return clip

    async def _accept(self, url: DataUrl, order: ClipOrder, client: Client) -> SafeClip:
        try:
            content = content_of(url)
            self._check(content)
            order = replace(order, is_base64=content.is_base64)
            head, payload = await self._decoded(content.text, order, client)
        except Refused as refused:
            raise clip_refusal(refused.fault, refused.details) from None
        except DecoderTimeout:
            raise clip_refusal("timeout") from None
        except DecoderLost:
            raise clip_refusal("lost") from None
        if fault := head.get("fault"):
            raise clip_refusal(fault, head.get("details", {}))
        return _clip(head, payload)

    def _check(self, content: UrlContent) -> None:
        """Raises Refused before a process sees it."""
        if content.most_bytes > self._limits.clip_bytes + PADDING_BYTES:
            raise Refused("too_many_bytes", most=self._limits.clip_bytes)
        clip_kind(content.beginning(KIND_BYTES))

    async def _decoded(self, payload: DataUrl, order: ClipOrder, client: Client) -> Decoded:
        """Retries once when the process is lost: another program may have killed it, not this clip."""
        if self.decoder.waiting >= MOST_WAITING:
            raise Busy(
                "Too many clips are being decoded.",
                hint="Retry later.",
                retry_after_s=CLIP_RETRY_S,
                code="overloaded",
            )
        closed, most_s = self._closed, self._limits.clip_decode_s
        try:
            return await self.decoder.decode(payload, order, client=client, most_s=most_s)
        except DecoderLost:
            if self._closed != closed:
                raise
            return await self.decoder.decode(payload, order, client=client, most_s=most_s)


def _one_lane(limits: Limits) -> Limits:
    return limits.model_copy(update={"decoders": 1, "decode_timeout_s": WALL * limits.clip_decode_s})


def _clip(head: dict[str, Any], payload: LongText) -> SafeClip:
    whole, at = b"".join(payload.pieces), 0
    frames, times = [], []
    for width, height, digest, at_s, size in head["frames"]:
        frames.append(SafeImage(LongText((whole[at : at + size],)), width, height, digest))
        times.append(at_s)
        at += size
    return SafeClip(tuple(frames), tuple(times), head["total"], head["seconds"])
