"""From the answers to how well the boxes fit; pure."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import Measured, Missing
from viewfinder.measure.measures.base import NO_BOXES
from viewfinder.measure.measures.grounding.ask import BOXES
from viewfinder.measure.measures.grounding.boxes import FITS, Edges, box_in, iou
from viewfinder.measure.measures.grounding.counts import GroundingCounts
from viewfinder.measure.measures.grounding.result import Grounding
from viewfinder.measure.metrics import MOST_FAILURES, figure, percent
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.statistics import bootstrap
from viewfinder.measure.statistics.intervals import TooFew, wilson
from viewfinder.measure.store.rows import Sample


@dataclass(frozen=True, slots=True)
class _Answer:
    true: Edges
    box: Edges | None

    @property
    def iou(self) -> float:
        return iou(self.true, self.box) if self.box else 0.0


def grounding(logs: Sequence[ProcessLog], counts: GroundingCounts, variant: Variant) -> Grounding | Missing:
    samples = [sample for log in logs for sample in log.of(BOXES)]
    if variant.coordinates is None:
        return NO_BOXES
    kept = [sample for sample in samples if not sample.exchange.error]
    failed = len(samples) - len(kept)
    if not kept or failed > MOST_FAILURES * len(samples):
        return Missing(missing=f"{failed} of {len(samples)} questions for a box failed")
    answers = [_answer(sample, variant) for sample in kept]
    n, fitting = len(answers), [one for one in answers if one.iou >= FITS]
    return Grounding(
        asked=len(samples),
        failed=failed,
        style=variant.coordinates,
        fit=percent(_share(len(fitting), n), n, f"boxes with an IoU of at least {FITS:g}, of {n} shapes"),
        iou=_mean_iou(answers),
        given=percent(_share(sum(one.box is not None for one in answers), n), n, "answers with a box"),
        shift_px=_shift(fitting),
    )


def _answer(sample: Sample, variant: Variant) -> _Answer:
    box = box_in(sample.exchange.text, sample.expected, variant)
    return _Answer(json.loads(sample.expected)[2:], box)


def _share(right: int, n: int) -> tuple[float, float, float]:
    low, high = wilson(right, n)
    return right / n, low, high


def _mean_iou(answers: Sequence[_Answer]) -> Measured:
    n, values = len(answers), [one.iou for one in answers]
    try:
        interval = bootstrap.inside(values, np.mean)
    except TooFew as why:
        return Missing(missing=str(why))
    return figure(interval, n, "", f"mean IoU of {n} shapes, 0 without a box; bootstrap over scenes")


def _shift(fitting: Sequence[_Answer]) -> tuple[float, float] | None:
    """How far the middles of the boxes lie from those of the shapes, in px to the right and down."""
    if not fitting:
        return None
    right, down = (
        statistics.fmean(
            (one.box[axis] + one.box[axis + 2] - one.true[axis] - one.true[axis + 2]) / 2
            for one in fitting
            if one.box
        )
        for axis in (0, 1)
    )
    return round(right, 2), round(down, 2)
