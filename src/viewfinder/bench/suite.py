"""How much is asked: named counts per scenario; chosen by the user, followed by `trial`."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from viewfinder.core.errors import BadRequest, ViewfinderError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Suite:
    """The counts of one depth of measuring.

    `processes` is how many times a fresh server process is started and timed; odd, so that the median
    is one of them. `images` and `texts` are timed requests to each of them. `vision`, `text` and
    `follow_up` are known-answer questions of the gates, put to one more process. A slow model is not
    waited for without end: in each block and each gate, no request begins after `budget_s` once
    a minimum was asked.

    `context` dialogues of ten turns are held at most, none after `context_s`, and no more when their
    headline is known within `context_half_width` points (0: all of them are held).

    Of the user's own questions `vqa_questions` are asked at most, 20 at least and none after `vqa_budget_s`:
    who brings questions wants them asked. They are those of `vqa_folder` ("": there are none), which has
    `vqa_total`; `vqa_digest` tells whether they are still the same.

    `limit_s` is the time of the whole run, see `deadline` and `rounds`; 0: as long as these counts take.
    """

    name: str
    processes: int
    images: int
    texts: int
    vision: int
    text: int
    follow_up: int
    budget_s: float
    request_timeout_s: float = 600.0
    context: int = 0
    context_s: float = 0.0
    context_half_width: float = 0.0
    vqa_questions: int = 0
    vqa_budget_s: float = 0.0
    vqa_folder: str = ""
    vqa_digest: str = ""
    vqa_total: int = 0
    limit_s: float = 0.0

    def paced(
        self, prompts: Iterable[T], most: int, least: int, clock: Callable[[], float] = time.monotonic
    ) -> Iterator[T]:
        """At most `most` prompts; after `least`, only while the budget lasts."""
        begun_s = clock()
        for number, prompt in enumerate(islice(prompts, most)):
            if number >= least and clock() - begun_s > self.budget_s:
                return
            yield prompt


SUITES = {
    suite.name: suite
    for suite in (
        Suite(
            "quick",
            processes=7,
            images=20,
            texts=8,
            vision=24,
            text=12,
            follow_up=12,
            budget_s=5.0,
            context=6,
            context_s=10.0,
            context_half_width=5.0,
            vqa_questions=100,
            vqa_budget_s=60.0,
        ),
        Suite(
            "standard",
            processes=11,
            images=40,
            texts=20,
            vision=100,
            text=40,
            follow_up=50,
            budget_s=90.0,
            context=154,
            context_s=1_800.0,
            context_half_width=5.0,
            vqa_questions=1000,
            vqa_budget_s=600.0,
        ),
        Suite(
            "thorough",
            processes=15,
            images=80,
            texts=40,
            vision=400,
            text=100,
            follow_up=200,
            budget_s=300.0,
            context=300,
            context_s=14_400.0,
            vqa_questions=5000,
            vqa_budget_s=3600.0,
        ),
    )
}


def suite_of(counts: dict[str, Any]) -> Suite:
    """The suite with these counts, as a run stored them; ViewfinderError when they are another version's."""
    try:
        return Suite(**counts)
    except TypeError:
        raise ViewfinderError(
            "This run cannot go on: another version of Viewfinder began it.",
            hint="What it measured is kept; begin a new run.",
            code="resume_differs",
        ) from None


def suite_named(name: str) -> Suite:
    """The suite called `name`; BadRequest with the names there are."""
    if name not in SUITES:
        raise BadRequest(
            f"There is no suite named {name!r}.", hint=f"Suites: {', '.join(SUITES)}.", param="suite"
        )
    return SUITES[name]
