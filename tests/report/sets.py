"""Six sets of stored results, each with one story, for the tests of the whole guide."""

import lzma
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.measure.made_up import PRINT, evidence
from tests.report.conftest import MACHINE, figure, gate, load_of, result
from viewfinder.measure import results as stored
from viewfinder.measure.compare.evidence import Evidence
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.own_images.result import OwnImages
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.store import Store
from viewfinder.report.facts import RunModel

OLD = Path(__file__).parents[1] / "measure" / "old" / "results-1704ae8.sqlite.xz"
BASE = [1.0, 1.1, 0.9, 1.05, 0.95, 1.2, 1.0]
BOTH_GATES = (
    "vision gate passed: 58 of 60 right (89 to 99 %)",
    "text gate passed: 40 of 40 right (91 to 100 %)",
)
SOON = "not production ready: stability was not measured; memory over many requests was not measured"


@dataclass(frozen=True)
class Stored:
    """What a guide is made from."""

    results: Sequence[ModelResult]
    previous: Sequence[ModelResult] = ()
    evidence: Mapping[RunModel, Evidence] = field(default_factory=dict)


@cache
def measured() -> ModelResult:
    """A result of glimpse for which everything was measured, by a run of the suite standard."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "results.sqlite"
        file.write_bytes(lzma.decompress(OLD.read_bytes()))
        with Store(file) as store:
            ours, *_ = stored.readable(store.latest())
    return ours.model_copy(update={"machine": MACHINE, "run": "run-2", "measured_at": "2026-11-22T10:00:00Z"})


def of_size(name: str, title: str, times: float, right: int) -> ModelResult:
    """Everything measured, of a model that takes and holds so many times more than glimpse."""
    ours = measured()
    found: dict[str, Any] = dict(ours.found)
    found["latency"] = scaled(found["latency"], times)
    found["load"] = scaled(found["load"], times)
    found["memory"] = scaled(found["memory"], times)
    found["gates"] = found["gates"].model_copy(update={"vision": gate(right, 100, passed=True)})
    del found["own_images"]
    return ours.model_copy(update={"model": name, "title": title, "model_id": f"org/{title}", "found": found})


def scaled(part: Any, times: float) -> Any:
    """The same result with every time and size so many times as large."""
    if isinstance(part, Figure):
        if part.unit == "times":
            return part
        numbers = {name: getattr(part, name) * times for name in ("value", "low", "high")}
        return part.model_copy(update=numbers)
    if hasattr(part, "model_copy"):
        return part.model_copy(
            update={name: scaled(getattr(part, name), times) for name in type(part).model_fields}
        )
    return part


def own(right: float, half: float = 0.0, questions: int = 20) -> OwnImages:
    """The share of right answers to the user's own questions, in percent."""
    share = Figure(
        value=right,
        low=max(0.0, right - half),
        high=min(100.0, right + half or 16.0),
        n=questions,
        unit="%",
        how=f"{questions} own questions",
    )
    return OwnImages(
        folder="plates",
        questions=questions,
        asked=questions,
        images=questions,
        answered=questions,
        accuracy=share,
        exact=share,
    )


def all_good() -> Stored:
    models = [
        of_size("smol-256m", "SmolVLM-256M-Instruct", 8, 90),
        of_size("smol-500m", "SmolVLM-500M-Instruct", 14, 96),
        of_size("smol2-video", "SmolVLM2-500M-Video-Instruct", 20, 96),
        of_size("moondream2", "Moondream2", 40, 97),
        of_size("phi-3.5", "Phi-3.5-Vision-Instruct", 110, 99),
        result("glimpse", status_reasons=(*BOTH_GATES, SOON)),
    ]
    return Stored(models)


def leaking_and_vision_only() -> Stored:
    leak = "it answered for the image before in 12 of 60 requests"
    return Stored(
        [
            result(
                "llava-1.6", title="LLaVA-v1.6", status="avoid", status_reasons=(leak,), issues=(f"{leak}.",)
            ),
            result("moondream2", title="Moondream2", text=gate(1, 40), status="vision-only"),
        ]
    )


def regression_and_noise() -> Stored:
    """The time of glimpse rose by a third with another build of its engine; that of the other model varied,
    and is the same. The machine is as fast as it was."""
    ready = {"status": "production ready", "status_reasons": BOTH_GATES}
    now = [result("glimpse", **ready), result("other", **ready)]
    before = [one.model_copy(update={"run": "run-1", "measured_at": "2026-11-20T10:00:00Z"}) for one in now]
    slower = [1.33 * time for time in BASE]
    noisy = [
        time * factor for time, factor in zip(BASE, (1.03, 0.97, 1.01, 0.99, 1.02, 0.98, 1.0), strict=True)
    ]
    anchors = {"run-1": [0.1, 0.102, 0.098], "run-2": [0.101, 0.099, 0.1]}

    def of(run: str, times: Sequence[float], build: str = "b11") -> Evidence:
        built = PRINT.model_copy(update={"engine_version": build})
        return evidence(times, run=run, anchor=anchors[run], fingerprint=built)

    return Stored(
        now,
        before,
        {
            ("run-2", "glimpse"): of("run-2", slower, "b12"),
            ("run-1", "glimpse"): of("run-1", BASE),
            ("run-2", "other"): of("run-2", noisy),
            ("run-1", "other"): of("run-1", BASE),
        },
    )


def budget_ran_out() -> Stored:
    gone = Missing(missing="the budget was spent before it")
    return Stored(
        [
            result(
                vision=gone,
                follow_up=gone,
                load=load_of(gone),
                average_inference=gone,
                memory_difference=gone,
                status="incomplete",
                status_reasons=(
                    "text gate passed: 40 of 40 right (91 to 100 %)",
                    f"vision gate: {gone.missing}",
                ),
            )
        ]
    )


def own_pictures_with_none_right() -> Stored:
    reasons = (*BOTH_GATES, SOON)
    return Stored(
        [result(name, own_images=own(0.0), status_reasons=reasons) for name in ("glimpse", "other")]
    )


def disturbed() -> Stored:
    busy = "other programs used 40 % of the processors while requests were timed"
    quick = {"status_reasons": (*BOTH_GATES, SOON), "contaminated": busy}
    return Stored([result("glimpse", **quick), result("slow", average_inference=figure(1.9, 0.8), **quick)])


SETS: dict[str, Callable[[], Stored]] = {
    "all good": all_good,
    "a leaking and a vision-only model": leaking_and_vision_only,
    "a regression and noise": regression_and_noise,
    "a budget that ran out": budget_ran_out,
    "own pictures with none right": own_pictures_with_none_right,
    "disturbed timings": disturbed,
}
