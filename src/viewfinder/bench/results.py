"""What a measurement is, as it is stored and printed; made by `bench/findings`, read by the guide."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from viewfinder.host.hardware import Machine

Phase = Literal["spawned", "ready", "first_answer", "steady", "unloaded"]
Status = Literal["verified", "vision-only", "text-only", "unverified", "failed"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(_Frozen):
    """A number with its 95 % interval, in `unit`; `how` says in one clause how it was measured.

    `n` counts what was measured (requests, starts). The interval is over fresh server processes, whose
    number `how` tells: requests to one process are not independent of each other.
    """

    value: float
    low: float
    high: float
    n: int
    unit: str
    how: str
    is_range: bool = False
    """Whether `low` to `high` is only the range of what was measured: too few processes for an interval."""


class Missing(_Frozen):
    """A number that could not be measured, and why."""

    missing: str


Measured = Figure | Missing


class Gate(_Frozen):
    """Known-answer questions: `right` of `asked`; `passed` by the rule that `rule` spells out.

    `answered` counts those that got an answer at all, right or wrong; None in results of older versions.
    """

    passed: bool
    right: int
    asked: int
    rule: str
    answered: int | None = None

    @property
    def never_answered(self) -> bool:
        """Whether every single question met an error or silence: the variant cannot do this here."""
        return self.answered == 0 < self.asked


class LoadTimes(_Frozen):
    """Seconds after the start of the server process, typical of n fresh starts."""

    listening: Measured
    ready: Measured
    first_token: Measured
    first_correct: Measured


class Memory(_Frozen):
    """Bytes of the server's process tree at one phase (see `host/memory`)."""

    footprint_bytes: int
    anonymous_bytes: int
    swap_bytes: int
    mapped_bytes: int
    pss_bytes: int
    kernel_peak_bytes: int | None = None
    """The most that the tree ever held until then by the kernel's own marks; None where it keeps none."""
    shared: bool = False
    """Whether a process outside the tree mapped the model's files too."""


class ModelResult(_Frozen):
    """Everything that one run learned about one variant."""

    model: str
    title: str
    model_id: str
    variant: str
    engine: str
    engine_version: str
    quantization: str
    endpoint: str
    suite: str
    run: str
    measured_at: str
    machine: Machine
    status: Status
    failure: str = ""
    contaminated: str = ""
    vision: Gate | Missing
    text: Gate | Missing
    follow_up: Gate | Missing
    load: LoadTimes
    memory: dict[Phase, Memory] = Field(default_factory=dict)
    memory_difference: Measured
    average_inference: Measured
    median_inference: Measured
    output_tokens: Measured
    ttft_image: Measured
    ttft_text: Measured
    decode_rate: Measured
    issues: tuple[str, ...] = ()
    fingerprint: str = ""
    """Digest of what it was measured on and with; empty in results of older versions."""
