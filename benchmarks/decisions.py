"""Whether calibrated decisions hold what they promise: python -m benchmarks.decisions FILE.

FILE has what glimpse decided about scenes (`benchmarks.decided` makes it). 300 questions about as many
pictures calibrate, and 2,000 about other pictures judge: the expected calibration error, and whether at most
the promised share is wrong above the probability from which on it is promised. Then again with others: no
question calibrates twice. Repetitions of the same group of 300 pictures ask other questions about them.

`plain` takes only the pictures that are as they were drawn, about which glimpse is hardly ever wrong; in
`half hard` the other half is noisy and faded.
"""

import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from benchmarks.decided import DecidedPicture, decided_pictures
from viewfinder.measure.calibrating.fit import (
    BINS,
    Graded,
    brier,
    calibration_error,
    calibration_of,
    sure_from,
)

CALIBRATING, JUDGING = 300, 2000
PROMISES = (0.05, 0.1)
TARGET = 0.03


@dataclass(frozen=True, slots=True)
class Repetition:
    """Errors of the questions that judge, before and after, and what perfect probabilities would show in the
    place of the second; `after_over_all` has bins over both sides of a half, as before the proof
    `calibration`. `promises` are by side and promised share: the share that is wrong above it among all
    questions about other pictures, and the share of answers that are; None: nothing was promised."""

    family: str
    before: float
    after: float
    after_over_all: float
    perfect: float
    brier_before: float
    brier_after: float
    promises: dict[tuple[str, float], tuple[float, float] | None]


def answers_of(picture: DecidedPicture, kind: str) -> list[tuple[float, bool]]:
    """In an order by chance: no text is asked twice about a picture, so that its later questions are more
    often about what is not there."""
    known = [(one.raw, one.right) for one in getattr(picture, kind)]
    return random.Random(picture.number).sample(known, len(known))


def repetitions(pictures: Sequence[DecidedPicture], kind: str) -> Iterator[Repetition]:
    """One for each group of pictures and each of their questions."""
    each = [answers_of(one, kind) for one in pictures]
    each = [one for one in each if one]
    rng = np.random.default_rng(0)
    for start in range(0, len(each) - CALIBRATING + 1, CALIBRATING):
        group = each[start : start + CALIBRATING]
        others = [one for picture in (*each[:start], *each[start + CALIBRATING :]) for one in picture]
        for nth in range(min(map(len, group))):
            judging = [others[at] for at in rng.permutation(len(others))[:JUDGING]]
            yield repetition([picture[nth] for picture in group], judging, others, kind, rng)


def repetition(
    made: Graded, judging: Graded, others: Graded, kind: str, rng: np.random.Generator
) -> Repetition:
    calibrated = calibration_of(made)
    after = [(calibrated.curve.at(raw), right) for raw, right in judging]
    so = rng.random(len(after))
    perfect = [(said, bool(chance < said)) for (said, _), chance in zip(after, so, strict=True)]
    sides = {"yes": lambda raw, right: (raw, right), "no": lambda raw, right: (1 - raw, not right)}
    if kind == "choices":
        sides = {"choose": sides["yes"]}
    return Repetition(
        calibrated.family,
        calibration_error(judging),
        calibration_error(after),
        error_over_all(after),
        calibration_error(perfect),
        brier(judging),
        brier(after),
        {
            (says, most): promised([side(*one) for one in made], [side(*one) for one in others], most)
            for says, side in sides.items()
            for most in PROMISES
        },
    )


def error_over_all(graded: Graded) -> float:
    raw, right = np.array(sorted(graded), float).T
    parts = zip(np.array_split(raw, BINS), np.array_split(right, BINS), strict=True)
    return float(sum(abs(p.mean() - r.mean()) * len(p) for p, r in parts) / len(raw))


def promised(made: Graded, others: Graded, most: float) -> tuple[float, float] | None:
    sure = sure_from(made, most)
    if sure is None:
        return None
    above = [right for raw, right in others if raw > sure[0]]
    return above.count(False) / max(1, len(above)), len(above) / len(others)


def spread(values: Sequence[float]) -> str:
    low, middle, high = np.percentile(values, (5, 50, 95))
    return f"{np.mean(values):.4f} (median {middle:.4f}, 5 to 95 %: {low:.4f} to {high:.4f})"


def report(ran: Sequence[Repetition]) -> None:
    print(f"  calibration error before {spread([one.before for one in ran])}")
    print(f"  calibration error after  {spread([one.after for one in ran])}")
    met = sum(one.after <= TARGET for one in ran)
    print(f"  at most {TARGET:g} in {met} of {len(ran)}")
    print(f"  in bins over all         {spread([one.after_over_all for one in ran])}")
    print(f"  of perfect probabilities {spread([one.perfect for one in ran])}")
    print(f"  Brier score {spread([one.brier_before for one in ran])}")
    print(f"        after {spread([one.brier_after for one in ran])}")
    families = Counter(one.family for one in ran).most_common()
    print(f"  curves: {', '.join(f'{n} {name}' for name, n in families)}")
    for says, most in ran[0].promises:
        each = [one.promises[says, most] for one in ran]
        known = [one for one in each if one is not None]
        kept = sum(wrong <= most for wrong, _ in known)
        worst = max((wrong for wrong, _ in known), default=0.0)
        covered = np.mean([share for _, share in known]) if known else 0.0
        print(
            f"  {says}, wrong in at most {most:.0%}: promised in {len(known)} of {len(ran)}, kept in {kept}, "
            f"the worst {worst:.1%}; {covered:.0%} of all answers are above it"
        )


if __name__ == "__main__":
    every = decided_pictures(Path(sys.argv[1]))
    conditions = {"half hard": every, "plain": [one for one in every if not one.hard]}
    for condition, shown in conditions.items():
        for asked in ("predicates", "choices"):
            ran = [*track(repetitions(shown, asked), description=asked, transient=True)]
            n = sum(len(getattr(one, asked)) for one in shown)
            print(f"{condition}, {asked}: {len(shown)} pictures, {n} questions, {len(ran)} repetitions")
            if ran:
                report(ran)
