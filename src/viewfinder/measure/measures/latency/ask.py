"""How long requests take when the server process is warm: one at a time; every image a new one, but for the
repeats."""

from collections.abc import Iterable
from itertools import islice, repeat

from viewfinder.measure.prompts import Prompt, about_images, descriptions, without_images
from viewfinder.measure.subject import Subject
from viewfinder.measure.suite import Suite

WARM_UP_IMAGES = 2
WARM_UP_TEXTS = 1
AT_LEAST = 3
"""Requests of the sorts that every guide is about, of which even the slowest model is asked so many."""


async def warm_up(subject: Subject) -> None:
    """Requests that count in no figure: the first image is slower even after text (llama.cpp #27147)."""
    for prompt in islice(without_images(subject.topic("warm-up")), WARM_UP_TEXTS):
        await subject.ask("warm-up", prompt)
    if subject.server.variant.vision:
        for prompt in islice(descriptions(subject.topic("warm-up")), WARM_UP_IMAGES):
            await subject.ask("warm-up", prompt)


async def image_requests(subject: Subject, suite: Suite) -> None:
    """The requests of the average inference: a new 512 px image, a fixed question, 64 tokens at most."""
    await _ask("images", descriptions(subject.topic("images")), suite.images, subject, suite)


async def short_requests(subject: Subject, suite: Suite) -> None:
    """A new image too, and a question that one word answers."""
    await _ask("short", about_images(subject.topic("short")), suite.short, subject, suite, least=1)


async def repeats(subject: Subject, suite: Suite) -> None:
    """One image and question again and again; the first time, when both are new, is stored apart."""
    if not suite.repeats:
        return
    prompt = next(descriptions(subject.topic("repeats")))
    await subject.ask("repeats/new", prompt)
    await _ask("repeats", repeat(prompt), suite.repeats, subject, suite, least=1)


async def text_requests(subject: Subject, suite: Suite) -> None:
    """Short questions without an image, no two alike."""
    await _ask("texts", without_images(subject.topic("texts")), suite.texts, subject, suite)


async def _ask(
    cell: str, prompts: Iterable[Prompt], most: int, subject: Subject, suite: Suite, least: int = AT_LEAST
) -> None:
    """One request after the other; between two of them, the memory is looked at."""
    for prompt in suite.paced(prompts, most, least):
        await subject.ask(cell, prompt)
        subject.look_for_peak()


CELLS = {"images": image_requests, "texts": text_requests, "short": short_requests, "repeats": repeats}
"""What is timed on a process; in which order, the plan says."""
OF_IMAGES = ("images", "short", "repeats")
