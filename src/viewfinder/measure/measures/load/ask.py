"""The stamps of a fresh process up to its first correct answer about an image."""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

from viewfinder.host import page_cache
from viewfinder.measure.figures import Missing
from viewfinder.measure.forecast import Batch
from viewfinder.measure.measures.base import NoCounts
from viewfinder.measure.measures.load.counts import ColdCounts
from viewfinder.measure.pacing import paced
from viewfinder.measure.process_log import Series
from viewfinder.measure.prompts import about_images, without_images
from viewfinder.measure.subject import Subject

TRIES = 5
"""After this number of questions without a right answer, a start is given up."""
_LEAST_STARTS = 3
"""Cold starts of even the slowest model."""
LOAD_PREFIX = "load/"
"""Begins the names of a fresh start's series, which are kept beside those of other measures of its
process."""
LOAD_STAMPS = {
    "spawned_s": "the engine's program running",
    "listening_s": "the first HTTP answer",
    "ready_s": "the engine's report that it is ready",
    "first_token_s": "the first token of an answer",
    "first_correct_s": "the first correct answer about an image",
}


async def first_answers(subject: Subject, scenario: str = "load") -> Mapping[str, float]:
    """Ask until the first right answer about an image; a variant without vision gets one text question.

    Returns the LOAD_STAMPS that were reached, in seconds from the start of the process. The times of the
    requests are added to that of readiness, so that the instrument's own work between them (drawing the next
    image, reading memory) is not counted as the server's. Every start gets the same questions: a fresh
    process has nothing in its cache.
    """
    vision = subject.server.variant.vision
    found = {f"{phase}_s": after_s for phase, after_s in subject.server.phases_s.items()}
    spent_s = found["ready_s"]
    for prompt in islice(about_images("load") if vision else without_images("load"), TRIES if vision else 1):
        sample = await subject.ask(scenario, prompt)
        if sample.exchange.ttft_s is not None:
            found.setdefault("first_token_s", spent_s + sample.exchange.ttft_s)
        spent_s += sample.exchange.e2e_s
        if vision and sample.right:
            found["first_correct_s"] = spent_s
            break
    return found


async def fresh_start(subject: Subject, counts: NoCounts, nth: int) -> Series:
    stamps = await first_answers(subject)
    subject.note_memory("first_answer")
    return {LOAD_PREFIX + name: (stamp,) for name, stamp in stamps.items()}


def batches(counts: NoCounts, nth: int) -> list[Batch]:
    """The first question is usually answered right."""
    return [Batch(1)]


def cold_batches(counts: ColdCounts, nth: int) -> list[Batch]:
    """Each with a start of its own, which takes longer than its answer."""
    return [Batch(counts.starts, "long", _LEAST_STARTS, counts.budget_s)]


def cannot_drop() -> Missing | None:
    if page_cache.CAN_DROP:
        return None
    return Missing(
        missing="this system has no way to empty the page cache of a file and to prove it; "
        "only the start with the files in memory was measured"
    )


async def cold_starts(subject: Subject, counts: ColdCounts, nth: int) -> Series:
    """Restart the process with its files out of memory, again and again.

    A start is timed only if the kernel reports that no page of the files was in memory just before. `kept`
    are the bytes that stayed in memory before each start; a stamp that was not reached is left out.
    """
    kept: list[float] = []
    stamps: dict[str, list[float]] = {name: [] for name in LOAD_STAMPS}
    files = list(all_files(subject.files))
    for _ in paced(range(counts.starts), counts.starts, _LEAST_STARTS, counts.budget_s, subject.clock):
        await subject.restart(lambda: kept.append(page_cache.drop(files)))
        if kept[-1]:
            break
        for name, stamp in (await first_answers(subject, "cold_load")).items():
            stamps[name].append(stamp)
    return {"kept": kept, **stamps}


def all_files(paths: Sequence[Path]) -> Sequence[Path]:
    """Every file of a model's files and folders."""
    inside = [sorted(path.rglob("*")) if path.is_dir() else [path] for path in paths]
    return [file for files in inside for file in files if file.is_file()]
