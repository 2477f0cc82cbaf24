"""Hand-made results: a good one, of which each test changes what it is about."""

from typing import Any

import pytest

from viewfinder.host.hardware import Machine
from viewfinder.measure.figures import Figure, Gate, Measured, Memory, Missing
from viewfinder.measure.measures.gates.result import Gates
from viewfinder.measure.measures.latency.result import Latency, RequestTimes, Spread
from viewfinder.measure.measures.load.result import LoadTimes
from viewfinder.measure.measures.memory.result import MemoryUse
from viewfinder.measure.measures.registry import measures
from viewfinder.measure.results import ModelResult

GONE = Missing(missing="no test is about it")
MACHINE = Machine(
    cpu="Test CPU 9000",
    cores_physical=2,
    cores_logical=4,
    memory_bytes=16 * 2**30,
    os="Linux 6.1",
    python="CPython 3.11.7",
    features=("avx2", "avx512f"),
)


def figure(value: float, half: float, unit: str = "s", n: int = 30, how: str = "by hand") -> Figure:
    return Figure(value=value, low=value - half, high=value + half, n=n, unit=unit, how=how)


def gate(right: int, asked: int, *, passed: bool | None = None, rule: str = "at least 90 %") -> Gate:
    return Gate(
        passed=right >= 0.9 * asked if passed is None else passed, right=right, asked=asked, rule=rule
    )


def reading(megabytes: int) -> Memory:
    size = megabytes * 1_000_000
    return Memory(
        footprint_bytes=size,
        anonymous_bytes=size - 7_000_000,
        swap_bytes=0,
        mapped_bytes=7_000_000,
        pss_bytes=size + 1_500_000,
    )


def times(ttft: Measured, p50: Measured, mean: Measured, tokens: Measured, rate: Measured) -> RequestTimes:
    """Of one kind of request; what no test is about is missing."""
    none = Spread(p50=GONE, p95=GONE, p99=GONE)
    return RequestTimes(
        what="requests",
        ttft=none.model_copy(update={"p50": ttft}),
        itl=none,
        tpot=none,
        e2e=none.model_copy(update={"p50": p50}),
        mean=mean,
        prefill_rate=GONE,
        decode_rate=rate,
        output_tokens=tokens,
    )


def result(model: str = "glimpse", **changed: Any) -> ModelResult:
    """A verified result of `model`; `changed` replaces fields, headline figures, or results of measures."""
    headline: dict[str, Any] = {
        "vision": gate(58, 60),
        "text": gate(40, 40),
        "follow_up": gate(28, 30),
        "memory": {"spawned": reading(40), "steady": reading(71)},
        "memory_difference": figure(31_234_567, 1_200_000, "bytes", n=7, how="steady minus spawned"),
        "average_inference": figure(0.32149, 0.0116, how="mean of 30 requests"),
        "median_inference": figure(0.318, 0.01),
        "output_tokens": figure(12.5, 0.8, "tokens"),
        "ttft_image": figure(120.4, 8.2, "ms"),
        "ttft_text": figure(0.0112, 0.0004, "s"),
        "decode_rate": figure(512.7, 23.4, "tokens/s"),
    }
    at = {name: changed.pop(name, value) for name, value in headline.items()}
    found: dict[str, Any] = {
        "gates": Gates(vision=at["vision"], text=at["text"], follow_up=at["follow_up"]),
        "load": LoadTimes(
            listening=figure(0.21, 0.012),
            ready=figure(0.84, 0.031),
            first_token=figure(0.88, 0.033),
            first_correct=figure(0.9123, 0.0456, n=7, how="median of 7 fresh starts"),
        ),
        "latency": Latency(
            images=times(
                at["ttft_image"],
                at["median_inference"],
                at["average_inference"],
                at["output_tokens"],
                at["decode_rate"],
            ),
            short=GONE,
            repeats=GONE,
            texts=times(at["ttft_text"], GONE, GONE, GONE, GONE),
            first_image=GONE,
            later_images=GONE,
            first_slower=GONE,
            new_image=GONE,
        ),
        "memory": MemoryUse(difference=at["memory_difference"], phases=at["memory"]),
    }
    found |= {name: changed.pop(name) for name in list(changed) if name in measures()}
    fields: dict[str, Any] = {
        "model": model,
        "title": model,
        "model_id": f"viewfinder/{model}",
        "variant": "llama.cpp-f16",
        "engine": "llama.cpp",
        "engine_version": "b11549",
        "quantization": "F16",
        "endpoint": "/v1/chat/completions over a private Unix socket",
        "suite": "quick",
        "run": "run-2",
        "measured_at": "2026-11-22T10:00:00Z",
        "machine": MACHINE,
        "status": "verified",
        "found": found,
    }
    return ModelResult(**(fields | changed))


def load_of(first_correct: Figure | Missing) -> LoadTimes:
    return LoadTimes(
        listening=figure(0.2, 0.01),
        ready=figure(0.8, 0.01),
        first_token=figure(0.9, 0.01),
        first_correct=first_correct,
    )


class Make:
    """What the tests make results from."""

    machine = MACHINE
    figure = staticmethod(figure)
    gate = staticmethod(gate)
    load = staticmethod(load_of)
    result = staticmethod(result)


@pytest.fixture
def make() -> Make:
    return Make()
