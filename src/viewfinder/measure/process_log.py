"""Everything that is stored of one server process under measurement: measures find their results in it, and
runs and models are compared by it. Made by `session` and `compare/evidence`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from viewfinder.client.exchange import Exchange
from viewfinder.measure.store.rows import ProcessOutcome, Sample

Series = Mapping[str, Sequence[float]]
"""Numbers that a measure notes beside its samples, by their name."""


@dataclass(frozen=True, slots=True)
class ProcessLog:
    """The samples of one process, in the order of the requests, and its outcome.

    `number`, `measure`, `nth` and `repeats` are those of the plan (see `plan.PlannedProcess`). A log that is
    read back for a comparison has only `number`, `samples` and `outcome`.
    """

    number: int
    samples: Sequence[Sample]
    outcome: ProcessOutcome = field(default_factory=ProcessOutcome)
    measure: str = ""
    nth: int = 0
    repeats: int = 0

    @property
    def series(self) -> Series:
        return self.outcome.series

    @property
    def broke_off(self) -> str:
        return self.outcome.broke_off

    def of(self, scenario: str) -> list[Sample]:
        """The samples of one scenario."""
        return [sample for sample in self.samples if sample.scenario == scenario]

    def exchanges(self, scenario: str) -> list[Exchange]:
        """The exchanges of these samples."""
        return [sample.exchange for sample in self.of(scenario)]
