"""Results with everything that a chart draws: one, and six that differ as real models do."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.report.conftest import GONE, figure, gate, reading, result
from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.dialogues.result import Dialogues
from viewfinder.measure.measures.load.result import LoadTimes
from viewfinder.measure.measures.own_images.result import OwnImages
from viewfinder.measure.measures.resolution.result import Budget, BudgetVerdict, Resolution
from viewfinder.measure.measures.soak.growth import ranges
from viewfinder.measure.measures.soak.result import Growth, GrowthKind, Soak
from viewfinder.measure.results import ModelResult
from viewfinder.measure.troubles.failures import rate

HOSTILE = "<script>alert(1)</script> ]]> & \"quoted\" 'single' \x00\x1b[31m\ud800\u202e %s {{x}} 模型"
LONG = "Some-Organisation-Vision-Language-Model-With-A-Very-Long-Name-And-Date-2026-11"
NO_FAILURES = rate(0, 250)


def load(*seconds: float, first_correct: Measured | None = None) -> LoadTimes:
    spawned, listening, ready, token, correct = (figure(one, 0.02 * one, n=7) for one in seconds)
    last = first_correct or correct
    return LoadTimes(spawned=spawned, listening=listening, ready=ready, first_token=token, first_correct=last)


def dialogues(kept: Mapping[int, Measured]) -> Dialogues:
    names = set(Dialogues.model_fields) - {"dialogues", "by_distance", "failed", "failure", "ended"}
    others: dict[str, Any] = dict.fromkeys(names, GONE)
    return Dialogues(
        dialogues=30, by_distance=dict(kept), failed=0, failure="", ended="the suite has no more", **others
    )


def kept(*percents: float) -> Dialogues:
    distances = (1, 2, 4, 6, 8)
    return dialogues({distance: share(one) for distance, one in zip(distances, percents, strict=False)})


def share(percent: float, half: float = 7.0, n: int = 60) -> Figure:
    low, high = max(0.0, percent - half), min(100.0, percent + half)
    return Figure(value=percent, low=low, high=high, n=n, unit="%", how="by hand")


def budget(name: str, right: Measured, time: Measured, verdict: BudgetVerdict = "not shown") -> Budget:
    return Budget(
        budget=name,
        asked=40,
        failed=0,
        image_tokens=GONE,
        ttft=GONE,
        e2e=time,
        accuracy=right,
        verdict=verdict,
    )


def resolution(cheapest: str | Missing = "512 px") -> Resolution:
    return Resolution(
        budgets=(
            budget("256 px", share(71.2), figure(0.81, 0.03), "inferior"),
            budget("512 px", share(95.0, 3), figure(1.22, 0.04), "not inferior"),
            budget("1024 px", share(96.2, 3), figure(2.93, 0.11), "reference"),
        ),
        cheapest=cheapest,
    )


def soak(
    megabytes: Sequence[float], same: Sequence[float] = (), kind: GrowthKind = "flat", slope: float = 0.001
) -> Soak:
    return Soak(
        requests=len(megabytes) + len(same),
        failures=NO_FAILURES,
        canaries=NO_FAILURES,
        growth=Growth(
            kind=kind, slope=figure(slope, 0.002, "MB/request", n=150), rise_mb=megabytes[-1] - megabytes[0]
        ),
        latency=GONE,
        descriptors=GONE,
        threads=GONE,
        footprints=ranges([one * 1e6 for one in megabytes]),
        same_image=ranges([one * 1e6 for one in same]),
    )


def own(percent: float, asked: int = 40) -> OwnImages:
    return OwnImages(
        folder="receipts",
        questions=asked,
        asked=asked,
        images=20,
        answered=asked,
        accuracy=share(percent),
        exact=share(percent),
    )


def one(model: str = "glimpse", **changed: Any) -> ModelResult:
    """A result with something to draw for every chart."""
    everything: dict[str, Any] = {
        "load": load(0.012, 0.21, 0.84, 0.88, 0.9123),
        "dialogues": kept(98.3, 96.1, 90.4, 86.0, 81.7),
        "resolution": resolution(),
        "soak": soak([71.0 + 0.1 * (number % 5) for number in range(200)], [71.2] * 50),
    }
    return result(model, **(everything | changed))


def six() -> list[ModelResult]:
    """Six models of different size; two of them close to each other, one with a long name."""
    models = (
        ("glimpse", 58, 0.32, 31, 1.0, (98, 96, 90, 86, 82)),
        ("SmolVLM2-500M-Video-Instruct", 48, 1.1, 1_420, 2.2, (92, 85, 80, 71, 60)),
        ("Qwen3-VL-4B-Instruct", 59, 4.4, 5_300, 9.0, (100, 100, 98, 98, 97)),
        ("gemma-4-E2B-it", 57, 4.2, 4_100, 8.1, (99, 97, 96, 90, 91)),
        ("InternVL3-1B", 52, 2.0, 1_900, 3.5, (90, 88, 70, 66, 40)),
        (LONG, 31, 3.1, 2_700, 5.5, (60, 45, 38, 30, 22)),
    )
    return [
        one(
            model,
            vision=gate(right, 60, passed=True),
            average_inference=figure(seconds, 0.06 * seconds),
            memory_difference=figure(1e6 * megabytes, 2e4 * megabytes, "bytes", n=7),
            memory={"spawned": reading(40), "steady": reading(40 + megabytes)},
            load=load(0.012, 0.2 * scale, 0.8 * scale, 0.9 * scale, scale),
            dialogues=kept(*percents),
        )
        for model, right, seconds, megabytes, scale, percents in models
    ]
