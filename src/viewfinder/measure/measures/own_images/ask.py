"""Visual question answering on the user's own images; `prepared` and `require_unchanged` are called by `api`.

The images come from strangers: each is checked and encoded again by `media/intake`, as the gateway does with
a request's, and only what comes out of that is sent.
"""

import base64
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from viewfinder.core.config import Limits
from viewfinder.core.errors import InvalidImage, ViewfinderError
from viewfinder.measure.deadline import TimeIsUp
from viewfinder.measure.measures.own_images.counts import OwnImagesCounts
from viewfinder.measure.measures.own_images.questions import (
    Faulty,
    OwnQuestion,
    OwnQuestions,
    read_folder,
    refuse,
)
from viewfinder.measure.measures.own_images.score import SCENARIO, in_one, is_right
from viewfinder.measure.pacing import paced
from viewfinder.measure.prompts import Prompt
from viewfinder.measure.subject import Subject
from viewfinder.media.intake import Intake, SafeImage

MAX_TOKENS = 16
LEAST_QUESTIONS = 20
"""Asked of even the slowest model."""


async def prepared(counts: OwnImagesCounts, folder: Path, limits: Limits) -> OwnImagesCounts:
    """The counts with the questions of a folder; each of those that will be asked is checked first.

    Raises BadRequest, with the lines, when one cannot be asked: no file, no image, an empty answer.
    """
    own = read_folder(folder)
    count = min(counts.questions, len(own.questions))
    faults: dict[OwnQuestion, str] = {}
    async with Intake(limits) as intake:
        for one in {one.image: one for one in reversed(own.questions[:count])}.values():
            try:
                await _safe_image(own, one, intake, limits)
            except InvalidImage as error:
                faults[one] = f"{one.image}: {error.message.rstrip('.')}"
    refuse(own, faults)
    return replace(
        counts,
        folder=str(own.folder),
        digest=own.digest(count),
        questions=count,
        total=len(own.questions),
    )


def require_unchanged(counts: OwnImagesCounts) -> OwnQuestions:
    """The questions that a run began with. Raises ViewfinderError when they are no longer those."""
    try:
        own = read_folder(Path(counts.folder))
        same = own.digest(counts.questions) == counts.digest
        changed = "" if same else "a question, an answer or an image is no longer the same"
    except (Faulty, InvalidImage) as error:
        changed = error.message.rstrip(".")
    if changed:
        raise ViewfinderError(
            f"The questions in {counts.folder} changed since the run began: {changed}.",
            hint="Put back what was there and run viewfinder bench --resume, or start a new run; "
            "what was measured is kept.",
            code="resume_differs",
        )
    return own


async def own_questions(subject: Subject, counts: OwnImagesCounts, nth: int) -> None:
    """The questions of one folder, once to each model, in the same order."""
    own = require_unchanged(counts)
    questions = own.questions[: counts.questions]
    pace = paced(questions, len(questions), LEAST_QUESTIONS, counts.budget_s, subject.clock)
    with suppress(TimeIsUp):  # each answer stands for itself, and their number is reported
        async with Intake(subject.limits) as intake:
            for one in pace:
                image = await _sendable(own, one, intake, subject.limits)
                await subject.ask(SCENARIO, _prompt(one, image, subject.server.card.short_answer))


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
    """The image was there and sound when the run began, so a fault now is not the model's: it stops the run,
    which can be resumed."""
    try:
        return await _safe_image(own, one, intake, limits)
    except InvalidImage as error:
        raise ViewfinderError(
            f"The question of {one.where} cannot be asked: {error.message}",
            hint="What was measured is kept. Fix that, then run: viewfinder bench --resume",
            code="vqa_questions",
        ) from None


async def _safe_image(own: OwnQuestions, one: OwnQuestion, intake: Intake, limits: Limits) -> SafeImage:
    """What is sent. Raises InvalidImage."""
    file = own.file_of(one)
    if file.stat().st_size * 4 // 3 > limits.body_bytes:
        raise InvalidImage(f"The image is larger than a request may be: {limits.body_bytes} bytes.")
    url = f"data:;base64,{base64.b64encode(file.read_bytes()).decode('ascii')}"
    return await intake.accept(url)
