"""What one server process under measurement leaves behind, beside its exchanges; made by `trial`, kept by
`store`, so that a run that was interrupted goes on with what its finished processes found."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from viewfinder.measure.figures import Gate, Memory, Missing, Phase


@dataclass(frozen=True, slots=True)
class Load:
    """Seconds from the start of one server process; None when it never came to that.

    The first question is asked as soon as the server is ready; what the instrument itself does in
    between is left out.
    """

    listening_s: float | None
    ready_s: float
    first_token_s: float | None
    first_correct_s: float | None
    spawned_s: float | None = None


class Found(BaseModel):
    """Of one process: the gates of the first one, the load and memory of a timed one.

    `starts` is more than one when the engine failed to start and was started again. `foreign_s` of
    `available_s` processor seconds went to others while requests were timed. `series` are what a stage
    noted beside its exchanges; `broke_off` says why it did not come to its end. `spent_s` is what it took of
    the run's time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    starts: int = 1
    engine_version: str = ""
    vision: Gate | Missing | None = None
    text: Gate | Missing | None = None
    follow_up: Gate | Missing | None = None
    load: Load | None = None
    memory: dict[Phase, Memory] = Field(default_factory=dict)
    foreign_s: float = 0.0
    available_s: float = 0.0
    series: dict[str, tuple[float, ...]] = Field(default_factory=dict)
    broke_off: str = ""
    spent_s: float = 0.0
