"""Does `bench` say truly how long it will take? What its display shows against how long the runs took.

    python -m benchmarks.estimates            ten runs: about 30 minutes on a busy machine of two cores
    python -m benchmarks.estimates quick two  only these; one that is "known" needs the run before it

Each run has a state folder of its own, so that it learns from no earlier one and disturbs nobody's, but those
that are "known" are second runs in the folder of another. Prints the lines of a table for `notes.md`.
"""

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from viewfinder.api.measuring import bench
from viewfinder.measure.progress import Progress, Steady
from viewfinder.measure.store.rows import ANCHOR

SHARES = (0.25, 0.5, 0.75)
INTERRUPT_AT = 400
"""The run that is resumed is interrupted after this number of requests."""


@dataclass(frozen=True)
class Seen:
    """What the display showed at a moment of a run."""

    at_s: float
    share: float
    left_s: float | None


def recorded(interrupt_at: int | None = None, **words: Any) -> list[Seen]:
    """One run, and what was shown at every report."""
    begun_s, steady, seen = time.monotonic(), Steady(), list[Seen]()

    def report(now: Progress) -> None:
        at_s = time.monotonic() - begun_s
        shown = steady.show(at_s, now.spent_s, now.left_s, is_done=now.is_done)
        seen.append(Seen(at_s, shown.share, shown.left_s))
        if interrupt_at is not None and now.done >= interrupt_at and now.model != ANCHOR:
            raise asyncio.CancelledError

    try:
        bench(on_progress=report, **words)
    except asyncio.CancelledError:
        return seen
    seen.append(Seen(time.monotonic() - begun_s, 1.0, 0.0))
    return seen


def line(name: str, seen: Sequence[Seen]) -> str:
    """A row of the table: how long it took, the time left as shown over the true one, the worst factor from
    the first quarter on, how often the share went back, and the largest rise of the time left."""
    took_s = seen[-1].at_s
    cells = [_ratio(seen, share * took_s, took_s) for share in SHARES]
    late = [ratio for one in seen if took_s * SHARES[0] <= one.at_s and (ratio := _of(one, took_s))]
    early = [one for one in late if one]
    back = sum(after.share < before.share for before, after in pairwise(seen))
    known = [one.left_s for one in seen if one.left_s is not None]
    rise = max((later / before for before, later in pairwise(known) if before), default=1.0)
    worst = max((max(one, 1 / one) for one in early), default=0.0)
    return (
        f"| {name} | {took_s:.0f} | {' | '.join(cells)} | {worst:.2f} | {back} | {100 * rise - 100:.0f} % |"
    )


def _ratio(seen: Sequence[Seen], at_s: float, took_s: float) -> str:
    shown = [one for one in seen if one.at_s <= at_s][-1]
    if shown.left_s is None:
        return "-"
    return f"{shown.left_s / (took_s - shown.at_s):.2f}"


def _of(one: Seen, took_s: float) -> float | None:
    """Shown over true; None in the last 5 s, where a second more or less is a multiple."""
    true_s = took_s - one.at_s
    return one.left_s / true_s if one.left_s and true_s > 5.0 else None


def second_model(folder: Path) -> str:
    """A copy of glimpse's files: a model of its own, by its path."""
    import viewfinder.catalog

    weights = Path(viewfinder.catalog.__file__).parent / "weights"
    shutil.copytree(weights, folder / "copy")
    return str(folder / "copy")


def at(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    os.environ["VIEWFINDER_HOME"] = str(home)


def resumed(home: Path) -> list[Seen]:
    at(home)
    recorded(INTERRUPT_AT, names=["glimpse"])
    return recorded(resume=True)


def runs(folder: Path) -> dict[str, Callable[[], list[Seen]]]:
    """Each run by its name."""

    def run(home: str, **words: Any) -> Callable[[], list[Seen]]:
        def begin() -> list[Seen]:
            at(folder / home)
            return recorded(**words)

        return begin

    two = ["glimpse", second_model(folder)]
    return {
        "quick": run("1", names=["glimpse"]),
        "known": run("1", names=["glimpse"]),
        "quick again": run("2", names=["glimpse"]),
        "resumed": lambda: resumed(folder / "3"),
        "budget 20 s": run("4", names=["glimpse"], budget="20s"),
        "two": run("5", names=two),
        "two, budget 90 s": run("6", names=two, budget="90s"),
        "two, known": run("5", names=two),
        "quick once more": run("7", names=["glimpse"]),
        "standard": run("8", names=["glimpse"], suite="standard"),
    }


def main(wanted: Sequence[str]) -> None:
    print(
        "| run | seconds | at 25 % | at 50 % | at 75 % | worst from 25 % on | went back | largest rise |",
        flush=True,
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, begin in runs(Path(folder)).items():
            if not wanted or name in wanted:
                print(line(name, begin()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
