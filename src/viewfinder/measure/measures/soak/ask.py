"""Many requests in a row, an image of its own in each: does the server's memory grow, does it become slower,
does it still know what it knew at the beginning?"""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence
from itertools import islice

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import Measured, Missing
from viewfinder.measure.measures.base import Heard, Series
from viewfinder.measure.measures.soak import growth
from viewfinder.measure.measures.soak.growth import per_request
from viewfinder.measure.measures.soak.held import DESCRIPTORS, FOOTPRINT, THREADS, held
from viewfinder.measure.measures.soak.result import Growth
from viewfinder.measure.measures.soak.result import Soak as Result
from viewfinder.measure.metrics import NOT_OURS, answered
from viewfinder.measure.prompts import Prompt, about_images
from viewfinder.measure.store.rows import Asked
from viewfinder.measure.subject import Subject
from viewfinder.measure.suite import Suite
from viewfinder.measure.troubles import failures
from viewfinder.measure.troubles import pictures as circles
from viewfinder.measure.troubles.pictures import pictures
from viewfinder.measure.troubles.trouble import Code, Trouble

CANARIES = circles.ALL - circles.WALKED
AT_LEAST = 40
"""Requests of each sort that even the slowest model is asked."""
EVERY = 20
"""Each so many-th request is a canary."""
SAME_SHARE = 4
"""One request in so many is made once more at the end, with one and the same image."""
PER = 100
NEW, CANARY, SAME = "soak/new", "soak/canary", "soak/same"


class Soak:
    """See `stage.Stage`; all of it on one process."""

    name = "soak"
    goes_on = False
    counts_answers = False
    is_timed = False

    def processes(self, suite: Suite) -> int:
        return 1 if suite.soak else 0

    def steps(self, suite: Suite, part: int) -> int:
        return CANARIES + suite.soak + _same(suite)

    def needs(self, variant: Variant) -> Missing | None:
        return None if variant.vision else Missing(missing="this variant takes no images")

    async def asks(self, subject: Subject, suite: Suite, part: int) -> Series:
        patient = dataclasses.replace(suite, budget_s=suite.soak_s)
        known = pictures()[circles.WALKED :]
        for prompt in known:
            await subject.ask(CANARY, prompt)
        fresh = about_images(subject.topic("soak"))
        for scenario, prompt in patient.paced(_requests(fresh, known), suite.soak, AT_LEAST):
            await _ask(subject, scenario, prompt)
        again = itertools.repeat((SAME, known[0]))
        for scenario, prompt in patient.paced(again, _same(suite), AT_LEAST):
            await _ask(subject, scenario, prompt)
        return {}

    def finds(self, heard: Sequence[Heard], suite: Suite) -> Result:
        (one,) = heard
        return judge(one)


def judge(heard: Heard) -> Result:
    """What a process's exchanges come to, and what was noted after each."""
    asked, series = heard.asked, heard.series
    grown: Growth | Missing = NOT_OURS
    if series or heard.broke_off:
        grown = growth.judge(series.get(f"{NEW}/{FOOTPRINT}", ()), series.get(f"{SAME}/{FOOTPRINT}", ()))
    canaries, drifted = _canaries([one for one in asked if one.scenario == CANARY])
    failed = failures.failures(asked)
    times = [one.exchange.e2e_s for one in asked if one.scenario == NEW and answered(one.exchange)]
    return Result(
        requests=len(asked),
        failures=failures.rate(sum(failures.code_of(one.exchange) is not None for one in asked), len(asked)),
        canaries=failures.rate(len(drifted), canaries),
        growth=grown,
        latency=_percent(
            per_request([math.log(time) for time in times], "", "growth of the time of a whole request")
        ),
        descriptors=_counted(series, DESCRIPTORS, "open descriptors"),
        threads=_counted(series, THREADS, "threads"),
        troubles=(*_leak(grown), *_drift(drifted, canaries), *failed),
    )


def _same(suite: Suite) -> int:
    return max(AT_LEAST, suite.soak // SAME_SHARE)


def _requests(fresh: Iterator[Prompt], known: Sequence[Prompt]) -> Iterator[tuple[str, Prompt]]:
    canaries = itertools.cycle(known)
    while True:
        yield from ((NEW, prompt) for prompt in islice(fresh, EVERY - 1))
        yield CANARY, next(canaries)


async def _ask(subject: Subject, scenario: str, prompt: Prompt) -> None:
    await subject.ask(scenario, prompt)
    if subject.server.is_ours:
        phase = SAME if scenario == SAME else NEW
        for name, value in held(subject.server.pids()).items():
            subject.noted[f"{phase}/{name}"].append(value)


def _canaries(asked: Sequence[Asked]) -> tuple[int, list[tuple[Asked, Asked]]]:
    """How many were asked again and answered, and those that were not answered as at first: both."""
    first: dict[str, Asked] = {}
    again = 0
    drifted = []
    for one in asked:
        if not answered(one.exchange):
            continue
        before = first.setdefault(one.scene, one)
        again += before is not one
        if not one.right and not circles.are_same(before.exchange.text, one.exchange.text):
            drifted.append((before, one))
    return again, drifted


def _drift(drifted: Sequence[tuple[Asked, Asked]], canaries: int) -> Iterator[Trouble]:
    for before, one in drifted[:1]:
        yield Trouble(
            code=Code.CANARY_DRIFT,
            rate=failures.rate(len(drifted), canaries),
            expected=before.exchange.text[: failures.SAID_CHARACTERS],
            said=one.exchange.text[: failures.SAID_CHARACTERS],
            steps=(failures.step_of(one),),
        )


def _leak(grown: Growth | Missing) -> Iterator[Trouble]:
    if isinstance(grown, Growth) and grown.kind == "leak":
        yield Trouble(
            code=Code.LEAK,
            said=f"memory grows by {grown.slope.value:.2f} MB a request "
            f"({grown.slope.low:.2f} to {grown.slope.high:.2f}), to the end",
        )


def _counted(series: Series, name: str, what: str) -> Measured:
    return per_request(series.get(f"{NEW}/{name}", ()), f"{what} a request", f"growth of the {what}")


def _percent(slope: Measured) -> Measured:
    """A slope of logarithms as percent over a hundred requests."""
    if isinstance(slope, Missing):
        return slope
    value, low, high = (100 * math.expm1(PER * one) for one in (slope.value, slope.low, slope.high))
    unit = f"% in {PER} requests"
    return slope.model_copy(update={"value": value, "low": low, "high": high, "unit": unit})
