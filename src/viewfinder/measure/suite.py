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
    is one of them. `images` and `texts` are timed requests to each of them, `short` those with a new image
    and a short answer, `repeats` those with one image again and again. `cold_starts` are starts with the
    files out of the page cache. `vision`, `text` and `follow_up` are known-answer questions of the gates,
    put to one more process. A slow model is not waited for without end: in each block and each gate, no
    request begins after `budget_s` once a minimum was asked. 0: it is no part of the suite.

    `context` dialogues of ten turns are held at most, none after `context_s`, and no more when their
    headline is known within `context_half_width` points (0: all of them are held).

    Each of `throughput_processes` is asked `throughput_requests` at each level, and no longer than
    `throughput_s` each once every client had its turn. `resolution_questions` are shared out among
    `resolution_processes`, and each is asked once for every budget.

    Of the stage `stability`: `stability_references` are fresh processes that are asked the same (0: it is no
    part of the suite), `stability_walk` pictures are shown one after the other, each thing that may come
    between two images comes `stability_between` times, one request is repeated `stability_repeats` times,
    and at each concurrency there are `stability_together` requests. `soak` requests are made in a row (0: it
    is no part), as many as `soak_s` seconds allow.

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
    short: int = 0
    repeats: int = 0
    cold_starts: int = 0
    context: int = 0
    context_s: float = 0.0
    context_half_width: float = 0.0
    again: int = 0
    """At most so many disturbed restarts of a model are measured once more."""
    anchor: int = 0
    """So many fresh processes of the anchor are timed at the run's start, and at its end; see `anchor`."""
    stability_references: int = 0
    stability_walk: int = 0
    stability_between: int = 0
    stability_repeats: int = 0
    stability_together: int = 0
    soak: int = 0
    soak_s: float = 0.0
    throughput_processes: int = 0
    throughput_requests: int = 0
    throughput_s: float = 0.0
    resolution_processes: int = 0
    resolution_questions: int = 0
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
            texts=12,
            vision=24,
            text=12,
            follow_up=12,
            budget_s=5.0,
            short=12,
            repeats=12,
            context=6,
            context_s=10.0,
            context_half_width=5.0,
            again=3,
            anchor=3,
            stability_references=2,
            stability_walk=60,
            stability_between=4,
            stability_repeats=20,
            stability_together=16,
            throughput_processes=3,
            throughput_requests=4,
            throughput_s=1.0,
            vqa_questions=100,
            vqa_budget_s=60.0,
        ),
        Suite(
            "standard",
            processes=11,
            images=40,
            texts=40,
            vision=100,
            text=40,
            follow_up=50,
            budget_s=90.0,
            short=40,
            repeats=40,
            cold_starts=6,
            context=154,
            context_s=1_800.0,
            context_half_width=5.0,
            again=5,
            anchor=6,
            stability_references=3,
            stability_walk=300,
            stability_between=24,
            stability_repeats=20,
            stability_together=60,
            soak=200,
            soak_s=300.0,
            throughput_processes=6,
            throughput_requests=40,
            throughput_s=15.0,
            resolution_processes=6,
            resolution_questions=400,
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
            short=80,
            repeats=80,
            cold_starts=11,
            context=300,
            context_s=14_400.0,
            again=7,
            anchor=8,
            stability_references=3,
            stability_walk=600,
            stability_between=60,
            stability_repeats=20,
            stability_together=120,
            soak=1000,
            soak_s=7200.0,
            throughput_processes=12,
            throughput_requests=72,
            throughput_s=60.0,
            resolution_processes=12,
            resolution_questions=1500,
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
