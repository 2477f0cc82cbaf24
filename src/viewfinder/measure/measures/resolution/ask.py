"""What a smaller image budget saves and costs: the same questions about the same scenes at several of them.

The variant's card names the lever: the size of the picture that is sent, shrunk as the gateway would shrink
it, or the most image tokens that the engine may make of it, an option of its start.
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
from viewfinder.measure.warm_up import IMAGES, TEXTS, warm_up
from viewfinder.media.picture import make_picture
from viewfinder.scenes.drawing import encode
from viewfinder.scenes.messages import Message

SIZES_PX = (32, 64, 128, 256, 512, 1024)
"""Longest edges of the pictures that are sent; only those up to the model's own input make a difference."""
MOST_BUDGETS = 3
"""Of image tokens."""
LEAST_SCENES = 2
QUESTIONS_WITHOUT_IMAGE = 4
"""Of each process, asked without their image too."""
PREFIX = "resolution/"
TEXT = f"{PREFIX}text"


async def all_budgets(subject: Subject, counts: ResolutionCounts, nth: int) -> None:
    """Each question at every budget that this process can be asked at."""
    await warm_up(subject)
    variant = subject.server.variant
    if variant.image_lever == "pixels":
        at_budgets = _by_size(subject.topic(f"resolution/{nth}"), sizes_of(variant))
        scenes = _scenes(counts, 1)
    else:
        number = len(tokens_of(variant))
        at_budgets = _by_tokens(subject.topic(f"resolution/{nth // number}"), tokens_at(variant, nth))
        scenes = _scenes(counts, number)
    for number, (text, prompts) in enumerate(paced(at_budgets, scenes, LEAST_SCENES, counts.budget_s)):
        if number < QUESTIONS_WITHOUT_IMAGE:
            await subject.ask(TEXT, text)
        for budget_name, prompt in prompts:
            await subject.ask(PREFIX + budget_name, prompt)


def steps(counts: ResolutionCounts, nth: int) -> int:
    """How many requests one process is asked at most."""
    most = max(_scenes(counts, 1) * len(SIZES_PX), _scenes(counts, MOST_BUDGETS))
    return TEXTS + IMAGES + QUESTIONS_WITHOUT_IMAGE + most


def engine_settings(settings: EngineSettings, variant: Variant, nth: int) -> EngineSettings:
    """The run's, with the budget of the nth process where the engine has the lever."""
    if variant.image_lever == "pixels" or not (tokens := tokens_at(variant, nth)):
        return settings
    return settings.model_copy(update={"image_tokens": tokens})


def sizes_of(variant: Variant) -> tuple[int, ...]:
    """Those that can make a difference: the first that is no smaller than the model's input is the last."""
    if variant.image_input_px is None:
        return SIZES_PX
    smaller = tuple(size for size in SIZES_PX if size < variant.image_input_px)
    return SIZES_PX[: len(smaller) + 1]


def tokens_of(variant: Variant) -> tuple[int, ...]:
    """Processes of their own are set to each, in turns; the last, 0: the engine's own number."""
    return (*variant.image_budgets, 0)


def tokens_at(variant: Variant, nth: int) -> int:
    """The image tokens that the nth process is set to; 0: the engine's own number."""
    tokens = tokens_of(variant)
    return tokens[nth % len(tokens)]


Budgeted = Iterator[tuple[Prompt, list[tuple[str, Prompt]]]]
"""Endless questions: without the image, and with it by the name of each budget."""


def _by_size(topic: str, sizes_px: Sequence[int]) -> Budgeted:
    """Each question at every size, in an order of its own: a drift favors none."""
    for scene, question in questions(topic, SIZES_PX[-1]):
        data = encode(scene)
        order = scene.random("resolution").sample(list(sizes_px), len(sizes_px))
        yield (
            graded([text_message(question.text)], question, scene),
            [(_px(size), graded([_shown(data, question.text, size)], question, scene)) for size in order],
        )


def _by_tokens(topic: str, image_tokens: int) -> Budgeted:
    """Each question with its whole image: the process makes so many tokens of it."""
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
    """Scenes of each process, where so many budgets need a process of their own."""
    groups = max(1, counts.processes // budgets_at_start)
    return math.ceil(counts.questions / groups)


def _px(size_px: int) -> str:
    return f"{size_px} px"


def _tokens(image_tokens: int) -> str:
    return f"{image_tokens} tokens" if image_tokens else "all tokens"
