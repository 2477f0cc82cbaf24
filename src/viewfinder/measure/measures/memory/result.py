"""The memory that a model takes, as it is stored."""

from pydantic import Field

from viewfinder.measure.figures import Frozen, Measured, Memory, Phase


class MemoryUse(Frozen):
    """`difference` is steady minus just spawned, in bytes; `phases` are the readings of the process with the
    median difference."""

    difference: Measured
    phases: dict[Phase, Memory] = Field(default_factory=dict)
