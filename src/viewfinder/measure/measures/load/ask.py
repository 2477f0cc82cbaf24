"""How long a fresh server process takes to be of use: the stamps up to its first correct image answer."""

from itertools import islice

from viewfinder.measure.prompts import about_images, without_images
from viewfinder.measure.store.outcome import Load
from viewfinder.measure.subject import Subject

TRIES = 5
"""Questions until a start without a right answer is given up."""


async def first_answers(subject: Subject, scenario: str = "load") -> Load | None:
    """Ask until the first right answer about an image; a variant without vision is asked one text question.

    The times of the requests are added to that of readiness, so that what happens between them (drawing
    the next image, sampling memory) is not counted as the server's. None for a server that we did not start.
    Every start is asked the same: a fresh process has nothing that it could remember.
    """
    if not subject.server.is_ours:
        return None
    stamps = subject.server.stamps
    vision = subject.server.variant.vision
    spent_s = ready_s = stamps["ready"] - stamps["started"]
    first_token_s = first_correct_s = None
    for prompt in islice(about_images("load") if vision else without_images("load"), TRIES if vision else 1):
        asked = await subject.ask(scenario, prompt)
        if first_token_s is None and asked.exchange.ttft_s is not None:
            first_token_s = spent_s + asked.exchange.ttft_s
        spent_s += asked.exchange.e2e_s
        if vision and asked.right:
            first_correct_s = spent_s
            break
    spawned_s, listening_s = (stamps[phase] - stamps["started"] for phase in ("spawned", "listening"))
    return Load(listening_s, ready_s, first_token_s, first_correct_s, spawned_s)
