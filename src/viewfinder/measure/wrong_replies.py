"""The replies of a stored run that were wrong, and the pictures that they are about; pure, called by `api`.

A question that was asked without its picture on purpose, to see what guessing gives, is not among them; nor
is a decision about an own picture, of which only the probability counts.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from viewfinder.measure.measures.dialogues.recall import BLIND, DIALOGUE_PREFIX, TEXT_ONLY
from viewfinder.measure.measures.own_images.decided import OWN_DECISIONS
from viewfinder.measure.measures.own_images.score import VQA, answers_in
from viewfinder.measure.measures.resolution.ask import BUDGET_PREFIX, SIZES_PX, WITHOUT_IMAGE
from viewfinder.measure.prompts import SIDE_PX
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.troubles import pictures
from viewfinder.scenes.drawing import encode
from viewfinder.scenes.scene import Scene, make_scene

_LEFT_OUT = (f"{DIALOGUE_PREFIX}{BLIND}/", f"{DIALOGUE_PREFIX}{TEXT_ONLY}/", WITHOUT_IMAGE, OWN_DECISIONS)
_DIGITS = 16


@dataclass(frozen=True, slots=True)
class DrawnPicture:
    """The file of a scene, and its media type."""

    content: bytes
    media_type: str


def wrong_replies(samples: Iterable[Sample]) -> list[Sample]:
    """Those that were graded as wrong, or have an error, in their order."""
    return [
        one
        for one in samples
        if (one.right is False or one.exchange.error) and not one.scenario.startswith(_LEFT_OUT)
    ]


def expected_of(sample: Sample) -> tuple[str, ...]:
    """The right answers; none where a reply was not graded."""
    if sample.scenario == VQA:
        return tuple(answers_in(sample.expected))
    return (sample.expected,) if sample.expected else ()


def picture_id(sample: Sample) -> str:
    """What names its picture in an address; empty for a question without one."""
    if not sample.scene:
        return ""
    is_large = sample.scenario.startswith(BUDGET_PREFIX)
    return hashlib.sha256(f"{is_large}/{sample.scene}".encode()).hexdigest()[:_DIGITS]


def with_picture(samples: Sequence[Sample], id: str) -> Sample | None:
    """The first one that is about the picture of this id."""
    return next((one for one in samples if one.scene and picture_id(one) == id), None)


def drawn_again(sample: Sample) -> DrawnPicture:
    """The picture of a scene, as it was drawn from its seed; the measure of image sizes sent it smaller."""
    scene = _scene_of(sample)
    return DrawnPicture(encode(scene), f"image/{scene.codec}")


def _scene_of(sample: Sample) -> Scene:
    if sample.scenario.startswith(BUDGET_PREFIX):
        side_px = SIZES_PX[-1]
    elif sample.scene.startswith(pictures.SEED_PREFIX):
        return pictures.scene_of(sample.scene)
    else:
        side_px = SIDE_PX
    return make_scene(sample.scene, longest=(side_px, side_px))
