"""Each clip with its question, as frames with their times; and the same question about the last frame alone.

The last frame says little of what happened: the difference is what the model understands of the rest.
"""

from collections.abc import Iterator
from functools import partial
from itertools import count, cycle

from viewfinder.catalog.card import Variant
from viewfinder.core.config import Limits
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.measure.forecast import Batch
from viewfinder.measure.measures.video.counts import VideoCounts
from viewfinder.measure.pacing import WARM_UP_REQUESTS, paced, warm_up
from viewfinder.measure.prompts import Prompt
from viewfinder.measure.subject import Subject
from viewfinder.media import clip as decoding
from viewfinder.media.frames import ClipOrder
from viewfinder.scenes.clip_files import encode_clip
from viewfinder.scenes.clips import (
    CLIP_KINDS,
    SLOTS,
    DrawnClip,
    is_right_about_clip,
    make_clip,
)
from viewfinder.scenes.drawing import paint, saved
from viewfinder.scenes.messages import Message, data_url, with_images
from viewfinder.scenes.scene import Scene
from viewfinder.wire.messages import TextPart, UserMessage, VideoPart, VideoURL, for_engine

FRAMES_SHOWN = SLOTS
"""Of a clip; nothing happens between two of them."""
WHOLE_PREFIX, LAST_PREFIX = "video/frames/", "video/last/"
_LIMITS = Limits()
_ORDER = ClipOrder(
    frames=FRAMES_SHOWN,
    choose="time",
    frame_pixels=_LIMITS.clip_frame_pixels,
    most_bytes=_LIMITS.encoded_bytes,
    most_pixels=_LIMITS.clip_pixels,
    most_s=_LIMITS.clip_s,
)
FAILURES_BEFORE_END = 4
"""When the first clips get no answer, the engine cannot take them, and no more are asked."""


async def all_clips(subject: Subject, counts: VideoCounts, nth: int) -> None:
    """The kinds in turn, each clip with all frames and with the last one alone."""
    await warm_up(subject)
    answered = 0
    clips = paced(_clips(subject.topic("video")), counts.clips, counts.least, counts.budget_s, subject.clock)
    for number, clip in enumerate(clips):
        kind = clip.question.kind
        whole = await subject.ask(f"{WHOLE_PREFIX}{kind}", _prompt(clip, frames_message(clip)))
        answered += not whole.exchange.error
        if number + 1 >= FAILURES_BEFORE_END and not answered:
            return
        await subject.ask(f"{LAST_PREFIX}{kind}", _prompt(clip, last_message(clip)))


def steps(counts: VideoCounts, nth: int) -> int:
    return WARM_UP_REQUESTS + 2 * counts.clips


def batches(counts: VideoCounts, nth: int) -> list[Batch]:
    """The budget is that of both together, and nearly all of it goes to whole clips."""
    return [
        Batch(WARM_UP_REQUESTS, "long"),
        Batch(counts.clips, "clip", counts.least, counts.budget_s),
        Batch(counts.least, "image"),
    ]


def engine_settings(settings: EngineSettings, variant: Variant, nth: int) -> EngineSettings:
    """The run's settings with the smallest image budget of the card, where the engine has such an option and
    the user set none: eight whole images fill the context of a small model."""
    if variant.image_lever == "pixels" or settings.image_tokens or not variant.image_budgets:
        return settings
    return settings.model_copy(update={"image_tokens": min(variant.image_budgets)})


def _clips(topic: str) -> Iterator[DrawnClip]:
    """Endless clips, their kinds in turn."""
    return (make_clip(f"{topic}/{at}", kind) for at, kind in zip(count(), cycle(CLIP_KINDS), strict=False))


def _prompt(clip: DrawnClip, message: Message) -> Prompt:
    question = clip.question
    return Prompt(
        [message], question.text, clip.seed, question.answer, partial(is_right_about_clip, question)
    )


def frames_message(clip: DrawnClip) -> Message:
    """As the gateway sends a request with the clip's file: decoded, and its frames chosen by time."""
    shown = decoding.make_clip(encode_clip(clip), _ORDER)
    frames = [
        (at_s, data_url(picture.media_type.removeprefix("image/"), picture.data))
        for at_s, picture in zip(shown.times, shown.pictures, strict=True)
    ]
    asked = UserMessage(
        role="user",
        content=[
            VideoPart(type="video_url", video_url=VideoURL(url="")),
            TextPart(type="text", text=clip.question.text),
        ],
    )
    return for_engine(asked, iter(()), iter([frames]))


def last_message(clip: DrawnClip) -> Message:
    """The last frame as an image, without its time."""
    return with_images([_url(clip.frames[-1])], clip.question.text)


def _url(frame: Scene) -> str:
    return data_url("png", saved(paint(frame), "png", compress_level=1))
