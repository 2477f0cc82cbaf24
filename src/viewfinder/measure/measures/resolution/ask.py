"""What a smaller image budget saves and costs: the same questions about the same scenes at several of them;
called by `trial`.

The budget is set by what the variant's card names: the size of the picture that is sent, shrunk as the
gateway would shrink it, or the most image tokens that the engine may make of it, told to it at its start.
"""

import base64
import math
from collections.abc import Iterator, Sequence

from viewfinder.catalog.card import Variant
from viewfinder.core.config import EngineSettings
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Heard, Series
from viewfinder.measure.measures.latency.ask import WARM_UP_IMAGES, WARM_UP_TEXTS, warm_up
from viewfinder.measure.measures.resolution import find as budgets
from viewfinder.measure.measures.resolution.result import Resolution
from viewfinder.measure.prompts import Prompt, graded, questions, text_message
from viewfinder.measure.store.rows import Asked
from viewfinder.measure.subject import Subject
from viewfinder.measure.suite import Suite
from viewfinder.media.picture import make_picture
from viewfinder.scenes.drawing import encode
from viewfinder.scenes.messages import Message

SIZES_PX = (32, 64, 128, 256, 512, 1024)
"""Longest edges of the pictures that are sent; only those up to the model's own input make a difference."""
MOST_BUDGETS = 3
"""Of image tokens."""
LEAST_SCENES = 2
TEXTS = 4
"""Questions of each process that are asked without their image, too."""
CELL = "resolution/"
TEXT = f"{CELL}text"


class ResolutionStage:
    """See `stage.Stage` and `stage.SetsEngine`."""

    name = "resolution"
    goes_on = False  # it is timed
    counts_answers = True
    is_timed = True

    def processes(self, suite: Suite) -> int:
        return suite.resolution_processes

    def steps(self, suite: Suite, part: int) -> int:
        most = max(_scenes(suite, 1) * len(SIZES_PX), _scenes(suite, MOST_BUDGETS))
        return WARM_UP_TEXTS + WARM_UP_IMAGES + TEXTS + most

    def needs(self, variant: Variant) -> Missing | None:
        return None if variant.vision else Missing(missing="this variant takes no images")

    def settings(self, settings: EngineSettings, variant: Variant, part: int) -> EngineSettings:
        if variant.image_lever == "pixels" or not (tokens := _told(variant, part)):
            return settings
        return settings.model_copy(update={"image_tokens": tokens})

    async def asks(self, subject: Subject, suite: Suite, part: int) -> Series:
        await warm_up(subject)
        variant = subject.server.variant
        if variant.image_lever == "pixels":
            at_budgets = _by_size(subject.topic(f"resolution/{part}"), sizes_of(variant))
            scenes = _scenes(suite, 1)
        else:
            count = len(tokens_of(variant))
            at_budgets = _by_tokens(subject.topic(f"resolution/{part // count}"), _told(variant, part))
            scenes = _scenes(suite, count)
        for number, (text, prompts) in enumerate(suite.paced(at_budgets, scenes, LEAST_SCENES)):
            if number < TEXTS:
                await subject.ask(TEXT, text)
            for budget_name, prompt in prompts:
                await subject.ask(_cell(budget_name), prompt)
        return {}

    def finds(self, heard: Sequence[Heard], suite: Suite) -> Resolution:
        cells = {asked.scenario for one in heard for asked in one.asked} - {TEXT}
        names = sorted((cell.removeprefix(CELL) for cell in cells if cell.startswith(CELL)), key=_size)
        return budgets.resolution(
            {name: [kept for one in heard if (kept := _of(one, _cell(name)))] for name in names},
            [asked for one in heard for asked in _of(one, TEXT)],
        )


def sizes_of(variant: Variant) -> tuple[int, ...]:
    """Those that can make a difference: the first that is no smaller than the model's input is the last."""
    if variant.image_input_px is None:
        return SIZES_PX
    smaller = tuple(size for size in SIZES_PX if size < variant.image_input_px)
    return SIZES_PX[: len(smaller) + 1]


def tokens_of(variant: Variant) -> tuple[int, ...]:
    """Each is told to processes of its own, in turns; the last, 0: as many as the engine is set to anyway."""
    return (*variant.image_budgets, 0)


def _told(variant: Variant, part: int) -> int:
    tokens = tokens_of(variant)
    return tokens[part % len(tokens)]


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


def _scenes(suite: Suite, budgets_at_start: int) -> int:
    """Scenes of each process, where so many budgets need a process of their own."""
    groups = max(1, suite.resolution_processes // budgets_at_start)
    return math.ceil(suite.resolution_questions / groups)


def _cell(budget: str) -> str:
    return CELL + budget


def _size(budget: str) -> float:
    """What puts budgets in order, smallest first."""
    number = budget.partition(" ")[0]
    return math.inf if number == "all" else float(number)


def _px(size_px: int) -> str:
    return f"{size_px} px"


def _tokens(image_tokens: int) -> str:
    return f"{image_tokens} tokens" if image_tokens else "all tokens"


def _of(heard: Heard, cell: str) -> list[Asked]:
    return [asked for asked in heard.asked if asked.scenario == cell]
