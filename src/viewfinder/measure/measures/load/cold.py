"""How long a start takes when the model's files must come from the disk; a stage, listed in `stages`.

A start is timed only when the kernel says that no page of the files was in memory just before.
"""

from collections.abc import Sequence
from pathlib import Path

from viewfinder.catalog.card import Variant
from viewfinder.host import page_cache
from viewfinder.measure.figures import LoadTimes, Missing
from viewfinder.measure.measures.base import Heard, Series
from viewfinder.measure.measures.load.ask import TRIES, first_answers
from viewfinder.measure.metrics import NOT_OURS, load_times
from viewfinder.measure.store.outcome import Load
from viewfinder.measure.subject import Subject
from viewfinder.measure.suite import Suite

AT_LEAST = 3
"""Starts of even the slowest model."""
STAMPS = ("spawned_s", "listening_s", "ready_s", "first_token_s", "first_correct_s")
NOT_HERE = Missing(
    missing="this system has no way to empty the page cache of a file and to prove it; "
    "what was measured is the start with the files in memory"
)


class ColdLoad:
    """See `stage.Stage`. The process that it is given is ended at once: it measures starts of its own."""

    name = "cold_load"
    goes_on = False
    counts_answers = False
    is_timed = False

    def processes(self, suite: Suite) -> int:
        return min(1, suite.cold_starts)

    def steps(self, suite: Suite, part: int) -> int:
        return suite.cold_starts * TRIES

    def needs(self, variant: Variant) -> Missing | None:
        if variant.server is not None:
            return NOT_OURS
        return None if page_cache.CAN_DROP else NOT_HERE

    async def asks(self, subject: Subject, suite: Suite, part: int) -> Series:
        """`kept` are the bytes that stayed in memory before each start; a stamp that was not reached is left
        out."""
        kept: list[float] = []
        stamps: dict[str, list[float]] = {name: [] for name in STAMPS}
        files = list(all_files(subject.files))
        for _ in suite.paced(range(suite.cold_starts), suite.cold_starts, AT_LEAST, subject.clock):
            await subject.restart(lambda: kept.append(page_cache.drop(files)))
            if kept[-1]:
                break
            load = await first_answers(subject, self.name)
            for name in STAMPS:
                if load is not None and (stamp := getattr(load, name)) is not None:
                    stamps[name].append(stamp)
        return {"kept": kept, **stamps}

    def finds(self, heard: Sequence[Heard], suite: Suite) -> LoadTimes | Missing:
        series = heard[0].series
        if not series:
            return Missing(missing=heard[0].broke_off)
        if not series["ready_s"]:
            return Missing(
                missing=f"{series['kept'][-1] / 1e6:.1f} MB of the model's files stayed in memory: another "
                "process maps them, they lie on a file system in memory, or they are another user's"
            )
        loads = [
            Load(
                spawned_s=_at(series["spawned_s"], start),
                listening_s=_at(series["listening_s"], start),
                ready_s=ready_s,
                first_token_s=_at(series["first_token_s"], start),
                first_correct_s=_at(series["first_correct_s"], start),
            )
            for start, ready_s in enumerate(series["ready_s"])
        ]
        found = load_times(loads, "out of the page cache (posix_fadvise, proven by mincore)")
        if any(one.scene for one in heard[0].asked):
            return found
        return found.model_copy(update={"first_correct": Missing(missing="this variant takes no images")})


def all_files(places: Sequence[Path]) -> Sequence[Path]:
    """Every file of a model's files and folders."""
    inside = [sorted(place.rglob("*")) if place.is_dir() else [place] for place in places]
    return [file for files in inside for file in files if file.is_file()]


def _at(stamps: Sequence[float], start: int) -> float | None:
    return stamps[start] if start < len(stamps) else None
