"""Requests that bring a fresh process to its usual speed; called by the measures that time requests."""

from itertools import islice

from viewfinder.measure.prompts import descriptions, without_images
from viewfinder.measure.subject import Subject

IMAGES = 2
TEXTS = 1
SCENARIO = "warm-up"
"""Of all samples that count in no figure."""


async def warm_up(subject: Subject) -> None:
    """Requests that count in no figure: the first image is slower even after text (llama.cpp #27147)."""
    for prompt in islice(without_images(subject.topic(SCENARIO)), TEXTS):
        await subject.ask(SCENARIO, prompt)
    if subject.server.variant.vision:
        for prompt in islice(descriptions(subject.topic(SCENARIO)), IMAGES):
            await subject.ask(SCENARIO, prompt)
