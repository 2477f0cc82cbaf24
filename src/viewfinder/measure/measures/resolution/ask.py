"""The same questions about the same scenes at several image budgets.

The variant's card says how the budget is set: by the size of the picture that is sent, shrunk as the gateway
would shrink it, or by the most image tokens that the engine may make of it, an option at its start.
"""

import math
from collections.abc import Iterator, Sequence

from viewfinder.catalog.card import Variant
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.measure.forecast import Batch
from viewfinder.measure.measures.resolution.counts import ResolutionCounts
from viewfinder.measure.pacing import WARM_UP_REQUESTS, paced, warm_up
from viewfinder.measure.prompts import Prompt, graded, questions, text_message
from viewfinder.measure.subject import Subject
from viewfinder.media.frames import Order
from viewfinder.media.picture import make_picture
from viewfinder.scenes.drawing import encode
from viewfinder.scenes.messages import Message, data_url, with_images

SIZES_PX = (32, 64, 128, 256, 512, 1024)
"""Longest edges of the pictures that are sent; larger ones than the model's own input make no difference."""
_MOST_TOKEN_BUDGETS = 3
"""The most budgets that a card names in image tokens."""
_LEAST_SCENES = 2
QUESTIONS_WITHOUT_IMAGE = 4
"""The first questions to each process; they are asked without their image, too."""
BUDGET_PREFIX = "resolution/"
WITHOUT_IMAGE = f"{BUDGET_PREFIX}text"


async def all_budgets(subject: Subject, counts: ResolutionCounts, nth: int) -> None:
    """Each question at every budget that this process allows."""
    await warm_up(subject)
    variant = subject.server.variant
    budgets: list[tuple[str, int | None]]
    if variant.image_lever == "pixels":
        groups, budgets = 1, [(f"{size} px", size) for size in sizes_of(variant)]
    else:
        tokens = tokens_at(variant, nth)
        groups, budgets = len(tokens_of(variant)), [(f"{tokens} tokens" if tokens else "all tokens", None)]
    at_budgets = _at_budgets(subject.topic(f"resolution/{nth // groups}"), budgets)
    scenes = _scenes(counts, groups)
    for number, (text, prompts) in enumerate(paced(at_budgets, scenes, _LEAST_SCENES, counts.budget_s)):
        if number < QUESTIONS_WITHOUT_IMAGE:
            await subject.ask(WITHOUT_IMAGE, text)
        for budget_name, prompt in prompts:
            await subject.ask(BUDGET_PREFIX + budget_name, prompt)


def steps(counts: ResolutionCounts, nth: int) -> int:
    most = max(_scenes(counts, 1) * len(SIZES_PX), _scenes(counts, _MOST_TOKEN_BUDGETS))
    return WARM_UP_REQUESTS + QUESTIONS_WITHOUT_IMAGE + most


def batches(counts: ResolutionCounts, nth: int) -> list[Batch]:
    """As for a variant whose lever is the size of the picture."""
    scenes, sizes = _scenes(counts, 1), len(SIZES_PX)
    return [
        Batch(WARM_UP_REQUESTS, "long"),
        Batch(QUESTIONS_WITHOUT_IMAGE, "text"),
        Batch(scenes * sizes, "image", _LEAST_SCENES * sizes, counts.budget_s),
    ]


def engine_settings(settings: EngineSettings, variant: Variant, nth: int) -> EngineSettings:
    """The run's settings, with the budget of the nth process if it is an option of the engine."""
    if variant.image_lever == "pixels" or not (tokens := tokens_at(variant, nth)):
        return settings
    return settings.model_copy(update={"image_tokens": tokens})


def sizes_of(variant: Variant) -> tuple[int, ...]:
    """The sizes that make a difference: the first that is at least as large as the model's input is the
    last."""
    if variant.image_input_px is None:
        return SIZES_PX
    smaller = tuple(size for size in SIZES_PX if size < variant.image_input_px)
    return SIZES_PX[: len(smaller) + 1]


def tokens_of(variant: Variant) -> tuple[int, ...]:
    """The budgets in tokens, each set on processes of its own, in turns; the last, 0, is the engine's
    default."""
    return (*variant.image_budgets, 0)


def tokens_at(variant: Variant, nth: int) -> int:
    """The image tokens of the nth process; 0: the engine's default."""
    tokens = tokens_of(variant)
    return tokens[nth % len(tokens)]


_Budgeted = Iterator[tuple[Prompt, list[tuple[str, Prompt]]]]
"""Endless questions, each without its image, and with it at every budget, by the budget's name."""


def _at_budgets(topic: str, budgets: Sequence[tuple[str, int | None]]) -> _Budgeted:
    """Each question at every budget, in an order of its own, so that a drift favors none. A budget has a name
    and the longest edge of the picture that is sent; None: the whole picture."""
    for scene, question in questions(topic, SIZES_PX[-1]):
        data = encode(scene)
        order = scene.random("resolution").sample(budgets, len(budgets))
        yield (
            graded([text_message(question.text)], question, scene),
            [(name, graded([_shown(data, question.text, px)], question, scene)) for name, px in order],
        )


def _shown(data: bytes, text: str, longest_px: int | None) -> Message:
    """A question with the picture that the gateway's decoder would make of the file."""
    picture = make_picture(data, max_pixels=SIZES_PX[-1] ** 2, order=Order(longest_edge=longest_px))
    return with_images([data_url(picture.media_type.removeprefix("image/"), picture.data)], text)


def _scenes(counts: ResolutionCounts, budgets_at_start: int) -> int:
    """Scenes of each process, if this number of budgets need a process of their own."""
    groups = max(1, counts.processes // budgets_at_start)
    return math.ceil(counts.questions / groups)
