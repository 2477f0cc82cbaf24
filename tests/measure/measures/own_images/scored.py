"""Results of own questions, made by hand."""

from typing import Any

from viewfinder.measure.figures import Figure
from viewfinder.measure.measures.own_images.result import OwnImages

VQA_RUN = "run2"


def share(percent: float, asked: int) -> Figure:
    return Figure(
        value=percent, low=max(0, percent - 9), high=min(100, percent + 9), n=asked, unit="%", how="by hand"
    )


def own(percent: float, asked: int = 20, **more: Any) -> OwnImages:
    figure = share(percent, asked)
    fields = {"folder": "mine", "questions": asked, "asked": asked, "images": asked, "answered": asked}
    return OwnImages(**{**fields, "accuracy": figure, "exact": figure, **more})
