"""The savings and the cost of a smaller image budget: the same questions about the same scenes at several
budgets.

The variant's card says how the budget is set: by the size of the picture that is sent, shrunk as the gateway
would shrink it, or by the most image tokens that the engine may make of it, an option at its start.
"""

import base64
import math
from collections.abc import Iterator, Sequence

from viewfinder.catalog.card import Variant
from viewfinder.core.config import EngineSettings
from viewfinder.measure.measures.resolution.counts import ResolutionCounts
from viewfinder.measure.pacing import paced
from viewfinder.measure.prompts import Prompt, graded, questions, text_message
from viewfinder.measure.subject import Subject
from viewfinder.measure.warm_up import WARM_UP_REQUESTS, warm_up
from viewfinder.media.picture import make_picture
from viewfinder.scenes.drawing import encode
from viewfinder.scenes.messages import Message

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
    if variant.image_lever == "pixels":
        at_budgets = _by_size(subject.topic(f"resolution/{nth}"), sizes_of(variant))
        scenes = _scenes(counts, 1)
    else:
        number = len(tokens_of(variant))
        at_budgets = _by_tokens(subject.topic(f"resolution/{nth // number}"), tokens_at(variant, nth))
        scenes = _scenes(counts, number)
    for number, (text, prompts) in enumerate(paced(at_budgets, scenes, _LEAST_SCENES, counts.budget_s)):
        if number < QUESTIONS_WITHOUT_IMAGE:
            await subject.ask(WITHOUT_IMAGE, text)
        for budget_name, prompt in prompts:
            await subject.ask(BUDGET_PREFIX + budget_name, prompt)


def steps(counts: ResolutionCounts, nth: int) -> int:
    """The most requests that one process gets."""
    most = max(_scenes(counts, 1) * len(SIZES_PX), _scenes(counts, _MOST_TOKEN_BUDGETS))
    return WARM_UP_REQUESTS + QUESTIONS_WITHOUT_IMAGE + most


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


def _by_size(topic: str, sizes_px: Sequence[int]) -> _Budgeted:
    """Each question at every size, in an order of its own, so that a drift favors no size."""
    for scene, question in questions(topic, SIZES_PX[-1]):
        data = encode(scene)
        order = scene.random("resolution").sample(list(sizes_px), len(sizes_px))
        yield (
            graded([text_message(question.text)], question, scene),
            [(_px(size), graded([_shown(data, question.text, size)], question, scene)) for size in order],
        )


def _by_tokens(topic: str, image_tokens: int) -> _Budgeted:
    """Each question with its whole image, of which the process makes `image_tokens` tokens."""
    for scene, question in questions(topic, SIZES_PX[-1]):
        shown = _shown(encode(scene), question.text, None)
        yield (
            graded([text_message(question.text)], question, scene),
            [(_tokens(image_tokens), graded([shown], question, scene))],
        )


def _shown(data: bytes, text: str, longest_px: int | None) -> Message:
    """A question with the picture that the gateway's decoder would make of the file."""
    picture = make_picture(data, max_pixels=SIZES_PX[-1] ** 2, longest_edge=longest_px)
    url = f"data:{picture.media_type};base64,{base64.b64encode(picture.data).decode('ascii')}"
    return {
        "role": "user",
        "content": [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": text}],
    }


def _scenes(counts: ResolutionCounts, budgets_at_start: int) -> int:
    """Scenes of each process, if this number of budgets need a process of their own."""
    groups = max(1, counts.processes // budgets_at_start)
    return math.ceil(counts.questions / groups)


def _px(size_px: int) -> str:
    return f"{size_px} px"


def _tokens(image_tokens: int) -> str:
    return f"{image_tokens} tokens" if image_tokens else "all tokens"
