"""Questions for the box of one shape, in the words that the model's publisher uses for it."""

import json
from collections.abc import Iterator
from functools import partial
from itertools import count

from viewfinder.catalog.card import Variant
from viewfinder.core.coordinates import CoordinateStyle
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.measure.forecast import Batch
from viewfinder.measure.measures.grounding.boxes import fits
from viewfinder.measure.measures.grounding.counts import GroundingCounts
from viewfinder.measure.pacing import WARM_UP_REQUESTS, paced, warm_up
from viewfinder.measure.prompts import SIDE_PX, Prompt
from viewfinder.measure.subject import Subject
from viewfinder.scenes.drawing import edges_of
from viewfinder.scenes.messages import image_message
from viewfinder.scenes.scene import make_scene

BOXES = "grounding/box"
MOST_BOX_TOKENS = 128
QUESTIONS: dict[CoordinateStyle, str] = {
    "qwen2.5-vl": "Locate the {thing}, report the bbox coordinates in JSON format.",
    "qwen3-vl": "Locate the {thing}, report the bbox coordinates in JSON format.",
    "qwen2-vl": "Detect the bounding box of the {thing}.",
    "moondream": 'Detect: {thing}. Answer with JSON: {{"x_min": , "y_min": , "x_max": , "y_max": }}',
    "paligemma": "detect {thing}",
    "florence-2": "Locate the {thing} in the image.",
    "molmo": "Point to the {thing}.",
    "internvl": "Please provide the bounding box coordinate of the region this sentence describes: "
    "<ref>{thing}</ref>",
    "gemma": 'Detect the {thing}. Answer with JSON: [{{"box_2d": [y1, x1, y2, x2], "label": "..."}}]',
    "lfm2.5-vl": "Detect all instances of: {thing}. Response must be a JSON array: "
    '[{{"label": ..., "bbox": [x1, y1, x2, y2]}}, ...]. Coordinates are normalized to [0,1].',
}


async def where_each_is(subject: Subject, counts: GroundingCounts, nth: int) -> None:
    """One question about each scene."""
    variant = subject.server.variant
    if variant.coordinates is None:  # such a variant is not asked
        return
    await warm_up(subject)
    prompts = box_questions(subject.topic("grounding"), variant, variant.coordinates)
    for prompt in paced(prompts, counts.questions, counts.least, counts.budget_s):
        await subject.ask(BOXES, prompt)


def steps(counts: GroundingCounts, nth: int) -> int:
    return WARM_UP_REQUESTS + counts.questions


def batches(counts: GroundingCounts, nth: int) -> list[Batch]:
    return [
        Batch(WARM_UP_REQUESTS, "long"),
        Batch(counts.questions, "image", counts.least, counts.budget_s),
    ]


def engine_settings(settings: EngineSettings, variant: Variant, nth: int) -> EngineSettings:
    """With the engine's own size of a picture: it is the one that the card knows."""
    return settings.model_copy(update={"image_tokens": 0})


def box_questions(topic: str, variant: Variant, style: CoordinateStyle) -> Iterator[Prompt]:
    """Endless questions, each about one shape of a scene of its own; what is expected is the size of the
    picture and the edges of the shape, as JSON."""
    for number in count():
        scene = make_scene(f"bench/{topic}/{number}", longest=(SIDE_PX, SIDE_PX))
        thing = scene.random("bench").choice(scene.things)
        text = QUESTIONS[style].format(thing=f"{thing.color} {thing.shape}")
        expected = json.dumps([*scene.size, *(round(edge, 1) for edge in edges_of(scene, thing))])
        is_right = partial(fits, variant, expected)
        yield Prompt([image_message(scene, text)], text, scene.seed, expected, is_right, MOST_BOX_TOKENS)
