"""Questions about new images, back to back, between two readings of the energy counters."""

from itertools import islice

from viewfinder.host.energy import energy_meter
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.energy.counts import EnergyCounts
from viewfinder.measure.pacing import paced, warm_up
from viewfinder.measure.process_log import Series
from viewfinder.measure.prompts import about_images
from viewfinder.measure.subject import Subject

SCENARIO, SECONDS = "energy", "energy/seconds"
JOULES = "energy/joules of "
"""Begins the name of each counter's series."""
_LEAST = 2


def cannot_count() -> Missing | None:
    meter = energy_meter()
    return Missing(missing=f"not readable here: {meter}") if isinstance(meter, str) else None


async def counted_requests(subject: Subject, counts: EnergyCounts, nth: int) -> Series | None:
    """The joules of each counter, and the seconds, from before the first question to after the last answer;
    nothing when a counter could not be read at its end.

    The images are drawn before, so that their energy is not counted.
    """
    meter = energy_meter()
    if isinstance(meter, str):
        return None
    await warm_up(subject)
    prompts = list(islice(about_images(subject.topic(SCENARIO)), counts.questions))
    with subject.watched():
        before, start_s = meter.read(), subject.clock()
        for prompt in paced(prompts, counts.questions, _LEAST, counts.budget_s):
            await subject.ask(SCENARIO, prompt)
        spent_s = subject.clock() - start_s
    try:
        used = meter.between(before, meter.read())
    except (OSError, ValueError, KeyError):
        return None
    return {SECONDS: (spent_s,), **{f"{JOULES}{name}": (joules,) for name, joules in used.items()}}
