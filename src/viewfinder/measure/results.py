"""All that one run learned about one variant, as it is stored; made by `findings`, read by the guide."""

from typing import Literal

from pydantic import Field

from viewfinder.host.hardware import Machine
from viewfinder.measure.figures import Frozen, Gate, LoadTimes, Measured, Memory, Missing, Phase
from viewfinder.measure.measures.dialogues.result import ContextResult
from viewfinder.measure.measures.latency.result import Latency
from viewfinder.measure.measures.own_images.result import Vqa
from viewfinder.measure.measures.resolution.result import Resolution
from viewfinder.measure.measures.soak.result import Soak
from viewfinder.measure.measures.stability.result import Stability
from viewfinder.measure.measures.throughput.result import Throughput

Status = Literal[
    "production ready",
    "verified",
    "provisional",
    "vision-only",
    "text-only",
    "avoid",
    "broken",
    "failed",
    "unverified",  # what older versions called broken
]


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
    status_reasons: tuple[str, ...] = ()
    """What the status rests on, a clause each; empty in results of older versions."""
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
    stability: Stability | Missing | None = None
    soak: Soak | Missing | None = None
    throughput: Throughput | Missing | None = None
    resolution: Resolution | Missing | None = None
    issues: tuple[str, ...] = ()
    latency: Latency | Missing | None = None
    cold_load: LoadTimes | Missing | None = None
    """Load times with the model's files out of the page cache."""
    notes: tuple[str, ...] = ()
    """What else there is to know of how it was measured: which restarts were disturbed."""
    machine_drift: Measured | None = None
    """How many times as long the machine took for the same work at the run's end as at its start; None: it
    was not timed."""
    vqa: Vqa | Missing | None = None
    """The user's own questions; None: none were asked."""
    fingerprint: str = ""
    """Digest of what it was measured on and with; empty in results of older versions."""
