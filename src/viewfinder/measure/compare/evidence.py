"""The samples behind a stored result, in the form in which runs and models are compared: one value for each
process, one answer to each question. Read from the store by `api`; used by `standings`, `revisions` and the
report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from viewfinder.measure.measures.base import ProcessValues, Reader, RightAnswers
from viewfinder.measure.measures.own_images.score import VQA
from viewfinder.measure.measures.registry import measures
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.results import ModelResult
from viewfinder.measure.statistics.pairs import GradedAnswers
from viewfinder.measure.store.fingerprint import Fingerprint
from viewfinder.measure.store.rows import ANCHOR, ProcessOutcome, Sample
from viewfinder.measure.store.store import Store

_OWN_PROCESS = -1
"""No process of a run has this number."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The samples of one model of one run that count, its processes' outcomes, and its fingerprint.

    `anchor` are the samples that timed the machine in that run, with the fingerprint of the anchor.
    """

    samples: Sequence[Sample]
    outcomes: Mapping[int, ProcessOutcome] = field(default_factory=dict)
    fingerprint: Fingerprint | None = None
    anchor: Sequence[Sample] = ()
    anchored: Fingerprint | None = None

    def answers(self, figure: str) -> GradedAnswers:
        """Which questions were answered right, for a figure that is a share; an error or an empty answer is
        wrong."""
        reader = readers()[figure]
        if not isinstance(reader, RightAnswers):
            raise TypeError(f"{figure} is not a share of right answers")
        return reader.read(self._logs())

    def values(self, figure: str) -> Mapping[int, float]:
        """One positive value for each process, by its number, for a figure that is a time or a size; a
        process without one is left out. The models of one run took turns in the processes of one number."""
        reader = readers()[figure]
        if not isinstance(reader, ProcessValues):
            raise TypeError(f"{figure} has no value for each process")
        return reader.read(self._logs())

    def _logs(self) -> list[ProcessLog]:
        by_process: dict[int, list[Sample]] = {}
        for sample in self.samples:
            by_process.setdefault(sample.process, []).append(sample)
        return [
            ProcessLog(number, some, self.outcomes.get(number, ProcessOutcome()))
            for number, some in by_process.items()
        ]


def evidence_of(store: Store, result: ModelResult) -> Evidence:
    """The evidence of a stored result."""
    prints = store.fingerprints(result.run)
    return Evidence(
        samples=_samples(store, result),
        outcomes=store.outcomes(result.run, result.model),
        fingerprint=prints.get(result.model),
        anchor=store.samples(result.run, ANCHOR),
        anchored=prints.get(ANCHOR),
    )


def _samples(store: Store, result: ModelResult) -> list[Sample]:
    """Its samples, with those of the own questions from the run that asked them; they are given as a process
    of the result's own run, so that nothing else is taken to be of two runs."""
    samples = store.samples(result.run, result.model)
    if not result.own_run:
        return samples
    own = [one for one in store.samples(result.own_run, result.model) if one.scenario == VQA]
    others = [one for one in samples if one.scenario != VQA]
    return others + [replace(one, run=result.run, process=_OWN_PROCESS) for one in own]


def readers() -> dict[str, Reader]:
    """How each figure of any measure is read from samples, by its name."""
    return {name: reader for measure in measures().values() for name, reader in measure.samples.items()}
