"""Requests that bring a fresh process to its usual speed; sent by the measures that time requests."""

from itertools import islice

from viewfinder.measure.prompts import descriptions, without_images
from viewfinder.measure.subject import Subject

_TEXTS, _IMAGES = 1, 2
WARM_UP_REQUESTS = _TEXTS + _IMAGES
WARM_UP = "warm-up"
"""The scenario of samples that count in no figure."""


async def warm_up(subject: Subject) -> None:
    """One question without an image and two with: the first image is slow even after text (llama.cpp
    #27147)."""
    for prompt in islice(without_images(subject.topic(WARM_UP)), _TEXTS):
        await subject.ask(WARM_UP, prompt)
    if subject.server.variant.vision:
        for prompt in islice(descriptions(subject.topic(WARM_UP)), _IMAGES):
            await subject.ask(WARM_UP, prompt)
