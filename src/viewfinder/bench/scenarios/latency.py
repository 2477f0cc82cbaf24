"""How long requests take when the server process is warm: one at a time, every image a new one."""

from itertools import islice

from viewfinder.bench.prompts import descriptions, without_images
from viewfinder.bench.subject import Subject
from viewfinder.bench.suite import Suite

WARM_UP_IMAGES = 2
WARM_UP_TEXTS = 1
AT_LEAST = 3
"""Requests of each sort that even the slowest model is asked."""


async def warm_up(subject: Subject) -> None:
    """Requests that count in no figure: the first image is slower even after text (llama.cpp #27147)."""
    for prompt in islice(without_images(subject.topic("warm-up")), WARM_UP_TEXTS):
        await subject.ask("warm-up", prompt)
    if subject.server.variant.vision:
        for prompt in islice(descriptions(subject.topic("warm-up")), WARM_UP_IMAGES):
            await subject.ask("warm-up", prompt)


async def image_requests(subject: Subject, suite: Suite) -> None:
    """The requests of the average inference: a new 512 px image, a fixed question, 64 tokens at most."""
    prompts = suite.paced(descriptions(subject.topic("images")), suite.images, AT_LEAST)
    for prompt in prompts:
        await subject.ask("images", prompt)


async def text_requests(subject: Subject, suite: Suite) -> None:
    """Short questions without an image, no two alike."""
    prompts = suite.paced(without_images(subject.topic("texts")), suite.texts, AT_LEAST)
    for prompt in prompts:
        await subject.ask("texts", prompt)
