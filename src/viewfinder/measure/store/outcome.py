"""How one server process under measurement went; made by `session`, kept by `store`, so that an interrupted
run resumes with the outcomes of its finished processes."""

from pydantic import BaseModel, ConfigDict, Field

from viewfinder.measure.figures import Memory, Phase


class ProcessOutcome(BaseModel):
    """`starts` is more than one when the engine failed to start and was started again. `foreign_s` of
    `available_s` processor seconds went to other programs while requests were timed. `series` holds the
    numbers that its measures noted beside their samples; `broke_off` says why it ended early, or is empty.
    `spent_s` is the part of the run's time that it took.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    starts: int = 1
    engine_version: str = ""
    memory: dict[Phase, Memory] = Field(default_factory=dict)
    foreign_s: float = 0.0
    available_s: float = 0.0
    series: dict[str, tuple[float, ...]] = Field(default_factory=dict)
    broke_off: str = ""
    spent_s: float = 0.0
