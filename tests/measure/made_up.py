"""Made-up samples of a run, for the tests of functions that read samples."""

from collections.abc import Sequence
from typing import Any

from viewfinder.client.exchange import Exchange
from viewfinder.host.hardware import Machine
from viewfinder.measure.compare.evidence import Evidence
from viewfinder.measure.figures import Memory
from viewfinder.measure.store.fingerprint import Fingerprint
from viewfinder.measure.store.rows import ANCHOR, ProcessOutcome, Sample

MACHINE = Machine(cpu="a", cores_physical=1, cores_logical=2, memory_bytes=3, os="o", python="3", gpu="")
PRINT = Fingerprint(
    viewfinder="1",
    machine=MACHINE,
    source="mains",
    governor="performance",
    engine="llama.cpp",
    engine_version="b1",
    variant="v",
    files="f",
)


def exchange(e2e_s: float, **more: Any) -> Exchange:
    """One of ten tokens, the first of them after a quarter of the time."""
    first_s = e2e_s / 4
    fields: dict[str, Any] = {
        "started_s": 0.0,
        "first_token_s": first_s,
        "last_token_s": e2e_s,
        "finished_s": e2e_s,
        "token_times_s": tuple(first_s + (e2e_s - first_s) * number / 9 for number in range(10)),
        "text": "A red star.",
        "completion_tokens": 10,
    }
    return Exchange(**(fields | more))


def timed(
    times: Sequence[float],
    *,
    run: str = "run-1",
    model: str = "glimpse",
    scenario: str = "images",
    each: int = 3,
) -> list[Sample]:
    """Requests to each process, `each` of them, as long as their process is slow; numbered from 1."""
    return [
        Sample(run, model, process, scenario, "Describe this image.", exchange(time), place=place)
        for process, time in enumerate(times, start=1)
        for place in range(each)
    ]


def answers(right: Sequence[bool], *, run: str = "run-1", scenario: str = "vision") -> list[Sample]:
    """One a scene."""
    return [
        Sample(
            run, "glimpse", 0, scenario, f"{scenario}?", exchange(0.1), f"s{number}", "Red.", is_right, number
        )
        for number, is_right in enumerate(right)
    ]


def memory(size_bytes: float) -> Memory:
    size = int(size_bytes)
    return Memory(footprint_bytes=size, anonymous_bytes=size, swap_bytes=0, mapped_bytes=0, pss_bytes=size)


def left(load_s: float, held_bytes: float) -> ProcessOutcome:
    """The outcome of a process that took `load_s` to load and holds `held_bytes` when steady."""
    return ProcessOutcome(
        series={
            "load/listening_s": (load_s / 4,),
            "load/ready_s": (load_s / 2,),
            "load/first_token_s": (load_s,),
            "load/first_correct_s": (load_s,),
        },
        memory={"spawned": memory(1e6), "steady": memory(1e6 + held_bytes)},
    )


def evidence(
    times: Sequence[float],
    right: Sequence[bool] = (),
    *,
    run: str = "run-1",
    anchor: Sequence[float] = (),
    load: float = 1.0,
    held_bytes: float = 5e8,
    **more: Any,
) -> Evidence:
    """Of a run with one process a time; load and memory vary with it a little, for a test needs a spread."""
    asked = [*answers(right, run=run), *timed(times, run=run), *timed(times, run=run, scenario="texts")]
    fields: dict[str, Any] = {
        "samples": asked,
        "outcomes": {
            process: left(load * (1 + time / 100), held_bytes * (1 + time / 100))
            for process, time in enumerate(times, start=1)
        },
        "fingerprint": PRINT,
        "anchor": timed(anchor, run=run, model=ANCHOR, scenario="anchor"),
        "anchored": PRINT if anchor else None,
    }
    return Evidence(**(fields | more))
