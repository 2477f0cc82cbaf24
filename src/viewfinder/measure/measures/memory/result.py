"""How much memory a model takes, as it is stored."""

from pydantic import Field

from viewfinder.measure.figures import Frozen, Measured, Memory, Phase


class MemoryUse(Frozen):
    """`difference` is steady minus just spawned, in bytes; `phases` are readings of the process it is the
    median of."""

    difference: Measured
    phases: dict[Phase, Memory] = Field(default_factory=dict)
