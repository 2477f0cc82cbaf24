"""The clips of a request, as the frames that its model is shown; called by `chat`."""

from collections.abc import Sequence

from starlette.types import Scope

from viewfinder.catalog.card import Variant
from viewfinder.core.config import Limits, Settings
from viewfinder.core.errors import InvalidImage
from viewfinder.gateway.holdings import holding_of
from viewfinder.gateway.sender import sender
from viewfinder.media.addresses import is_remote
from viewfinder.media.clips import SafeClip
from viewfinder.media.intake import Intake
from viewfinder.wire.chat import ChatRequest
from viewfinder.wire.media_refs import ClipRef
from viewfinder.wire.messages import ShownFrames


class MovingPictures:
    """Turns the clips of requests into safe images of some of their frames."""

    def __init__(self, intake: Intake, settings: Settings) -> None:
        self.intake, self.limits = intake, settings.limits
        self.remote = intake.remote() if settings.remote_images else None

    async def safe(self, request: ChatRequest, variant: Variant, scope: Scope) -> list[SafeClip]:
        """The clips of a request for this variant; one after the other.

        Raises InvalidImage, with the path of the clip, and Busy.
        """
        clips: list[SafeClip] = []
        if not (refs := request.clip_parts()):
            return clips
        counts = frame_counts(refs, len(request.image_parts()), variant, self.limits)
        for ref, count in zip(refs, counts, strict=True):
            try:
                clip = await self.intake.clips.accept(
                    await self._fetched(ref.url, scope),
                    frames=count,
                    choose=ref.choose,
                    client=sender(scope),
                    most_pixels=variant.image_pixels,
                    most_bytes=self.limits.encoded_bytes // (2 * len(refs)) // 4 * 3,
                )
            except InvalidImage as error:
                error.param = ref.param
                raise
            holding_of(scope).grow(clip.size_bytes)
            clips.append(clip)
        return clips

    async def _fetched(self, url: str | memoryview, scope: Scope) -> str | memoryview:
        if self.remote is None or not is_remote(url):
            return url
        grow = holding_of(scope).grow
        return await self.remote.fetch(str(url), client=sender(scope), grow=grow, what="clip")


def frame_counts(refs: Sequence[ClipRef], images: int, variant: Variant, limits: Limits) -> list[int]:
    """How many frames of each clip are shown: as many as were asked for, but no more than the model takes
    together with the `images` of the request."""
    counts = [ref.frames or limits.clip_frames for ref in refs]
    most = limits.clip_most_frames
    if variant.images is not None:
        most = min(most, variant.images - images)
    for at, count in enumerate(counts):
        counts[at] = min(count, most)
    while sum(counts) > most and max(counts) > 1:
        counts[counts.index(max(counts))] -= 1
    return counts


def shown(clip: SafeClip) -> ShownFrames:
    """The frames as the engine's body has them."""
    return [(at_s, frame.url) for at_s, frame in zip(clip.times, clip.frames, strict=True)]


def told(clips: Sequence[SafeClip]) -> str:
    """Which frames were shown, for the header that says so; empty when there was no clip."""
    return "; ".join(
        f"{len(clip.frames)} of {clip.total}, at {' '.join(f'{at_s:.1f}' for at_s in clip.times)} s"
        for clip in clips
    )
