"""Visual question answering on the user's own images; `prepared` and `require_unchanged` are called by `api`.

The images are strangers': each is checked and encoded anew by `media/intake`, as the gateway does it with a
request's, and only what comes out of that is sent.
"""

import base64
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from viewfinder.catalog.card import Variant
from viewfinder.core.config import Limits
from viewfinder.core.errors import InvalidImage, ViewfinderError
from viewfinder.measure.deadline import TimeIsUp
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.base import Heard, Series
from viewfinder.measure.measures.own_images.questions import (
    Faulty,
    OwnQuestion,
    OwnQuestions,
    read_folder,
    refuse,
)
from viewfinder.measure.measures.own_images.result import Vqa
from viewfinder.measure.measures.own_images.score import SCENARIO, exact_of, in_one, is_right, score_of
from viewfinder.measure.metrics import answered
from viewfinder.measure.prompts import Prompt
from viewfinder.measure.statistics.clusters import share
from viewfinder.measure.store.rows import Asked
from viewfinder.measure.subject import Subject
from viewfinder.measure.suite import Suite
from viewfinder.media.intake import Intake, SafeImage

MAX_TOKENS = 16
AT_LEAST = 20
"""Questions that even the slowest model is asked."""


async def prepared(suite: Suite, folder: Path, limits: Limits) -> Suite:
    """The suite with the questions of a folder; each of those that will be asked is looked at before.

    Raises BadRequest, with the lines, when one cannot be asked: no file, no image, an empty answer.
    """
    own = read_folder(folder)
    count = min(suite.vqa_questions, len(own.questions))
    faults: dict[OwnQuestion, str] = {}
    async with Intake(limits) as intake:
        for one in {one.image: one for one in reversed(own.questions[:count])}.values():
            try:
                await _safe_image(own, one, intake, limits)
            except InvalidImage as error:
                faults[one] = f"{one.image}: {error.message.rstrip('.')}"
    refuse(own, faults)
    return replace(
        suite,
        vqa_folder=str(own.folder),
        vqa_digest=own.digest(count),
        vqa_questions=count,
        vqa_total=len(own.questions),
    )


def require_unchanged(suite: Suite) -> OwnQuestions:
    """The questions that a run began with. Raises ViewfinderError when they are no longer those."""
    try:
        own = read_folder(Path(suite.vqa_folder))
        same = own.digest(suite.vqa_questions) == suite.vqa_digest
        changed = "" if same else "a question, an answer or an image is another one"
    except (Faulty, InvalidImage) as error:
        changed = error.message.rstrip(".")
    if changed:
        raise ViewfinderError(
            f"The questions in {suite.vqa_folder} changed since the run began: {changed}.",
            hint="Put back what was there and run viewfinder bench --resume, or begin a new run; "
            "what was measured is kept.",
            code="resume_differs",
        )
    return own


class OwnImages:
    """The stage `vqa`: the questions of one folder, once to each model, in the same order."""

    name = SCENARIO
    goes_on = True
    counts_answers = False
    is_timed = False

    def processes(self, suite: Suite) -> int:
        return 1 if suite.vqa_folder else 0

    def steps(self, suite: Suite, part: int) -> int:
        return suite.vqa_questions

    def needs(self, variant: Variant) -> Missing | None:
        return None if variant.vision else Missing(missing="this variant takes no images")

    async def asks(self, subject: Subject, suite: Suite, part: int) -> Series:
        own = require_unchanged(suite)
        due = own.questions[: suite.vqa_questions]
        suite = replace(suite, budget_s=suite.vqa_budget_s)
        with suppress(TimeIsUp):  # each answer stands for itself, and their number is told
            async with Intake(subject.limits) as intake:
                for one in suite.paced(due, len(due), AT_LEAST, subject.clock):
                    image = await _sendable(own, one, intake, subject.limits)
                    await subject.ask(self.name, _prompt(one, image, subject.server.card.short_answer))
        return {}

    def finds(self, heard: Sequence[Heard], suite: Suite) -> Vqa | Missing:
        asked = [one for process in heard for one in process.asked if one.scenario == self.name]
        if not asked:
            return Missing(missing="no question was asked")
        images = {one.scene for one in asked}
        folder = Path(suite.vqa_folder).name
        of = (
            f"{len(asked)} of {suite.vqa_total} own questions about {len(images)} images in '{folder}', "
            f"each with its card's words for a short answer, at most {MAX_TOKENS} tokens, temperature 0; "
            "a failed or empty answer is wrong; interval clustered by image"
        )
        return Vqa(
            folder=folder,
            questions=suite.vqa_total,
            asked=len(asked),
            images=len(images),
            answered=sum(answered(one.exchange) for one in asked),
            accuracy=_share(asked, [score_of(one) for one in asked], f"VQA v2 accuracy over {of}"),
            exact=_share(asked, [float(exact_of(one)) for one in asked], f"strict exact match over {of}"),
        )


def _share(asked: Sequence[Asked], scores: Sequence[float], how: str) -> Figure:
    """The mean score in percent. Partial scores vary less than right and wrong do, for which the interval is
    made: it is rather too wide than too narrow."""
    by_image: dict[str, list[float]] = {}
    for one, score in zip(asked, scores, strict=True):
        by_image.setdefault(one.scene, []).append(score)
    value, low, high = share([sum(some) for some in by_image.values()], [len(s) for s in by_image.values()])
    return Figure(value=100 * value, low=100 * low, high=100 * high, n=len(scores), unit="%", how=how)


def _prompt(one: OwnQuestion, image: SafeImage, short_answer: str) -> Prompt:
    """Put as lmms-eval and LLaVA put it, and so most published figures, where the model's card has no other
    words. The scene is the image's name and what is to be seen on it: another picture may have its name
    later."""
    content = [
        {"type": "image_url", "image_url": {"url": image.data_url}},
        {"type": "text", "text": f"{one.question}\n{short_answer}".strip()},
    ]
    return Prompt(
        [{"role": "user", "content": content}],
        one.question,
        f"{one.image}#{image.digest[:12]}",
        in_one(one.answers),
        partial(is_right, one.answers),
        max_tokens=MAX_TOKENS,
    )


async def _sendable(own: OwnQuestions, one: OwnQuestion, intake: Intake, limits: Limits) -> SafeImage:
    """That it was there and good when the run began makes every fault one of now: it stops the run, which
    can go on, and is not the model's."""
    try:
        return await _safe_image(own, one, intake, limits)
    except InvalidImage as error:
        raise ViewfinderError(
            f"The question of {one.where} cannot be asked: {error.message}",
            hint="What was measured is kept. Mend that; then viewfinder bench --resume goes on.",
            code="vqa_questions",
        ) from None


async def _safe_image(own: OwnQuestions, one: OwnQuestion, intake: Intake, limits: Limits) -> SafeImage:
    """What is sent. Raises InvalidImage."""
    file = own.file_of(one)
    if file.stat().st_size * 4 // 3 > limits.body_bytes:
        raise InvalidImage(f"The image is larger than a request may be: {limits.body_bytes} bytes.")
    url = f"data:;base64,{base64.b64encode(file.read_bytes()).decode('ascii')}"
    return await intake.accept(url)
