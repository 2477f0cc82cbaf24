"""All that one run learned about one variant, as it is stored; made by `findings`, read by the guide."""

from typing import Literal

from pydantic import Field

from viewfinder.bench.results.context import ContextResult
from viewfinder.bench.results.figures import Frozen, Gate, LoadTimes, Measured, Memory, Missing, Phase
from viewfinder.bench.results.vqa import Vqa
from viewfinder.host.hardware import Machine

Status = Literal["verified", "vision-only", "text-only", "unverified", "failed"]


class ModelResult(Frozen):
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
    context: ContextResult | Missing | None = None
    issues: tuple[str, ...] = ()
    vqa: Vqa | Missing | None = None
    """The user's own questions; None: none were asked."""
    fingerprint: str = ""
    """Digest of what it was measured on and with; empty in results of older versions."""
