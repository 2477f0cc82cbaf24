"""Hand-made results: a good one, of which each test changes what it is about."""

from typing import Any

import pytest

from viewfinder.host.hardware import Machine
from viewfinder.measure.figures import Figure, Gate, LoadTimes, Memory, Missing
from viewfinder.measure.results import ModelResult

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


def result(model: str = "glimpse", **changed: Any) -> ModelResult:
    """A verified result of `model`; `changed` replaces fields."""
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
        "vision": gate(58, 60),
        "text": gate(40, 40),
        "follow_up": gate(28, 30),
        "load": LoadTimes(
            listening=figure(0.21, 0.012),
            ready=figure(0.84, 0.031),
            first_token=figure(0.88, 0.033),
            first_correct=figure(0.9123, 0.0456, n=7, how="median of 7 fresh starts"),
        ),
        "memory": {"spawned": reading(40), "steady": reading(71)},
        "memory_difference": figure(31_234_567, 1_200_000, "bytes", n=7, how="steady minus spawned"),
        "average_inference": figure(0.32149, 0.0116, how="mean of 30 requests"),
        "median_inference": figure(0.318, 0.01),
        "output_tokens": figure(12.5, 0.8, "tokens"),
        "ttft_image": figure(120.4, 8.2, "ms"),
        "ttft_text": figure(0.0112, 0.0004, "s"),
        "decode_rate": figure(512.7, 23.4, "tokens/s"),
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
