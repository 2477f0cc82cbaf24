"""The number of timed requests of each kind on each process."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LatencyCounts:
    """`images` and `texts` are timed requests to each process, `short` those with a new image and a short
    answer, `paused` as many of these after each pause (`pauses`), `repeats` those with the same image again
    and again. Of each kind no request begins after `budget_s` once the smallest number was sent."""

    images: int
    texts: int
    budget_s: float
    short: int = 0
    repeats: int = 0
    paused: int = 0


COUNTS = {
    "quick": LatencyCounts(images=20, texts=12, budget_s=5.0, short=12, repeats=12, paused=1),
    "standard": LatencyCounts(images=40, texts=40, budget_s=90.0, short=40, repeats=40, paused=5),
    "thorough": LatencyCounts(images=80, texts=40, budget_s=300.0, short=80, repeats=80, paused=10),
}
