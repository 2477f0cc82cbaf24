"""Visual question answering on the user's own images; `prepared` and `require_unchanged` are called by `api`.

The images are not trusted: each is checked and encoded again by `media/intake`, as the gateway does with the
images of a request, and only the result is sent.
"""

import base64
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from viewfinder.core.config import Limits
from viewfinder.core.errors import InvalidImage, ViewfinderError
from viewfinder.measure.calibrating.graded import NEEDED_FIELD
from viewfinder.measure.deadline import TimeIsUp
from viewfinder.measure.measures.own_images.counts import OwnImagesCounts
from viewfinder.measure.measures.own_images.decided import OWN_DECISIONS, OwnDecision, decisions_of
from viewfinder.measure.measures.own_images.faulty import Faulty
from viewfinder.measure.measures.own_images.questions import (
    OwnQuestion,
    OwnQuestions,
    read_folder,
    refuse,
)
from viewfinder.measure.measures.own_images.scenes import digest_of, scene_of
from viewfinder.measure.measures.own_images.score import VQA, in_one, is_right
from viewfinder.measure.pacing import paced
from viewfinder.measure.prompts import Prompt
from viewfinder.measure.subject import Subject
from viewfinder.media.intake import Intake
from viewfinder.media.safe_image import SafeImage
from viewfinder.scenes.messages import with_images
from viewfinder.wire.decisions.probabilities import TOP_TOKENS

ANSWER_TOKENS = 16
MOST_THUMBNAILS = 24
"""Of one model: as many pictures as a person looks at. With some KB each they are no burden to a result. They
are part of it, because files of their own would stay behind when it is removed or its file is copied."""


async def prepared(counts: OwnImagesCounts, folder: Path, limits: Limits) -> OwnImagesCounts:
    """The counts with the questions of a folder, after a check of each question that will be asked.

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
        decisions=len(decisions_of(own.questions[:count])),
    )


def require_unchanged(counts: OwnImagesCounts) -> OwnQuestions:
    """The questions that a run began with. Raises ViewfinderError when the folder has changed since."""
    try:
        own = read_folder(Path(counts.folder))
        same = own.digest(counts.questions) == counts.digest
        changed = "" if same else "a question, an answer or an image is no longer the same"
    except (Faulty, InvalidImage) as error:
        changed = error.message.rstrip(".")
    if changed:
        raise ViewfinderError(
            f"The questions in {counts.folder} changed since the run began: {changed}.",
            hint="Restore the folder and run viewfinder bench --resume, or start a new run. All measurements "
            "are kept.",
            code="resume_differs",
        )
    return own


async def own_questions(subject: Subject, counts: OwnImagesCounts, nth: int) -> None:
    own = require_unchanged(counts)
    questions = own.questions[: counts.questions]
    start_s = subject.clock()
    pace = paced(questions, len(questions), counts.least, counts.budget_s, subject.clock)
    with suppress(TimeIsUp):  # the answers so far are independent, and their number is reported
        async with Intake(subject.limits) as intake:
            for one in pace:
                image = await _sendable(own, one, intake, subject.limits)
                sample = await subject.ask(VQA, _prompt(one, image, subject.server.card.short_answer))
                if not sample.right and len(subject.pictures) < MOST_THUMBNAILS:
                    await _keep_thumbnail(subject, image, intake)
            if counts.decisions and NEEDED_FIELD not in subject.server.client.endpoint.lacks:
                left_s = counts.budget_s - (subject.clock() - start_s)
                for known in paced(decisions_of(questions), counts.decisions, 0, left_s, subject.clock):
                    await _decide(subject, known, await _sendable(own, known.own, intake, subject.limits))


async def _decide(subject: Subject, known: OwnDecision, image: SafeImage) -> None:
    """Ask one question as /v1/decisions does, in both orders of its answers."""
    scene = scene_of(known.own.image, image.digest)
    for order, text in enumerate(known.put.texts):
        message = with_images([image.data_url], text)
        prompt = Prompt([message], known.own.question, scene, known.expected, max_tokens=1)
        scenario = f"{OWN_DECISIONS}{known.put.kind}/{order}"
        await subject.ask(scenario, replace(prompt, top_tokens=TOP_TOKENS))


async def _keep_thumbnail(subject: Subject, image: SafeImage, intake: Intake) -> None:
    """Keep the picture for whoever reads what was answered wrong; between two requests, and never in vain:
    one that cannot be shrunk in time is left out."""
    with suppress(InvalidImage):
        key = digest_of(image.digest)
        subject.pictures[key] = subject.pictures.get(key) or await intake.thumbnail(image.data_url)


def _prompt(one: OwnQuestion, image: SafeImage, short_answer: str) -> Prompt:
    """The question in the words of lmms-eval and LLaVA, which most published figures use, unless the model's
    card has its own words. The scene is the image's name and a digest of its pixels: another picture may get
    that name later."""
    return Prompt(
        [with_images([image.data_url], f"{one.question}\n{short_answer}".strip())],
        one.question,
        scene_of(one.image, image.digest),
        in_one(one.answers),
        partial(is_right, one.answers),
        max_tokens=ANSWER_TOKENS,
    )


async def _sendable(own: OwnQuestions, one: OwnQuestion, intake: Intake, limits: Limits) -> SafeImage:
    """The safe image. It existed and was sound when the run began, so a fault now is not the model's: it
    stops the run, which can be resumed."""
    try:
        return await _safe_image(own, one, intake, limits)
    except InvalidImage as error:
        raise ViewfinderError(
            f"The question of {one.where} cannot be asked: {error.message}",
            hint="Fix that, then run: viewfinder bench --resume. All measurements are kept.",
            code="vqa_questions",
        ) from None


async def _safe_image(own: OwnQuestions, one: OwnQuestion, intake: Intake, limits: Limits) -> SafeImage:
    """The image as it is sent. Raises InvalidImage."""
    file = own.file_of(one)
    if file.stat().st_size * 4 // 3 > limits.body_bytes:
        raise InvalidImage(f"The image is larger than a request may be: {limits.body_bytes} bytes.")
    url = f"data:;base64,{base64.b64encode(file.read_bytes()).decode('ascii')}"
    return await intake.accept(url)
