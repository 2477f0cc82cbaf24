"""Builds the result that is stored from everything that a session measured; pure, called by `session`.

A session that broke off keeps what it has; the rest of its result says why it was not measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import BaseModel

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.client.chat import CHAT_PATH
from viewfinder.host import disturbance
from viewfinder.measure.figures import NOT_REACHED, Measured, Missing
from viewfinder.measure.measures.gates import MEASURE as GATES
from viewfinder.measure.measures.gates.find import is_blind
from viewfinder.measure.measures.gates.result import Gates
from viewfinder.measure.measures.registry import AnyMeasure, measures
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.results import ModelResult, facts_of
from viewfinder.measure.store.rows import Run
from viewfinder.measure.suite import Suite
from viewfinder.measure.verdict import judge

_BLIND = Missing(missing="vision gate failed")
_TIME_IS_OVER = Missing(missing="the budget was spent before it")


@dataclass(slots=True)
class ResultBuilder:
    """Collects the process logs of one variant in one run, and builds its result; filled by `session`.

    `logs` are those of the processes that count, by the measure that had the process to itself; empty: the
    timed measures shared it.
    """

    card: ModelCard
    variant: Variant
    run: Run
    suite: Suite
    engine_version: str = ""
    failure: str = ""
    logs: dict[str, list[ProcessLog]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    machine_drift: Measured | None = None
    drift: str = ""

    def add(self, log: ProcessLog) -> None:
        """Count a process."""
        self.engine_version = self.engine_version or log.outcome.engine_version
        some = [*self.logs.get(log.measure, []), log]
        self.logs[log.measure] = sorted(some, key=lambda one: one.nth) if log.measure else some

    def nothing_to_ask(self) -> str:
        """Why this variant can be asked nothing of the suite; empty if it can."""
        reasons = [self.skip_reason(measures()[name]) for name in self.suite.counts]
        first = reasons[0] if reasons and all(reasons) else None
        return f"'{self.card.name}' can be asked nothing of that: {first.missing}." if first else ""

    def skip_reason(self, measure: AnyMeasure) -> Missing | None:
        """Why a measure is left out for this model, or None."""
        if missing := measure.skip_reason(self.variant):
            return missing
        if "sight" not in measure.needs:
            return None
        gates = self._found(GATES)
        return _BLIND if isinstance(gates, Gates) and is_blind(gates.vision) else None

    def result(self, measured_at: str, fingerprint: str = "", *, time_is_over: bool = False) -> ModelResult:
        """Everything that was found. With `time_is_over`, the spent budget is why the rest is missing."""
        measures = (*self.suite.shared(), *(measure for measure, _ in self.suite.apart()))
        found = {measure.name: self._found(measure) for measure in measures}
        if time_is_over:
            found = {name: _or_time_is_over(one) for name, one in found.items()}
        facts = facts_of(found)
        issues = (*facts.issues, *self._issues())
        verdict = judge(
            replace(facts, issues=issues),
            failure=self.failure,
            has_gates=GATES.name in self.suite.counts,
            is_ours=self.variant.server is None,
            memory_bytes=self.run.machine.memory_bytes,
        )
        return ModelResult(
            model=self.card.name,
            title=self.card.title,
            model_id=self.variant.repo,
            variant=self.variant.name,
            engine=self.variant.engine,
            engine_version=self.engine_version,
            quantization=self.variant.quantization,
            endpoint=self._endpoint(),
            suite=self.run.suite,
            run=self.run.run,
            measured_at=measured_at,
            machine=self.run.machine,
            fingerprint=fingerprint,
            status=verdict.status,
            status_reasons=verdict.reasons,
            failure=self.failure,
            contaminated="; ".join(filter(None, (self._disturbance(), *facts.disturbances, self.drift))),
            found=found,
            issues=issues,
            notes=tuple(self.notes),
            machine_drift=self.machine_drift,
        )

    def _found(self, measure: AnyMeasure) -> BaseModel:
        if missing := self.skip_reason(measure):
            return missing
        logs = self.logs.get(measure.name if "own_process" in measure.needs else "", [])
        found: BaseModel = (
            measure.find(logs, self.suite.counts[measure.name], self.variant) if logs else NOT_REACHED
        )
        return found

    def _endpoint(self) -> str:
        server = self.variant.server
        return f"{CHAT_PATH} (private Unix socket)" if server is None else f"{server.root}{CHAT_PATH}"

    def _disturbance(self) -> str:
        """Says that other programs disturbed the shared processes while they were timed."""
        outcomes = [log.outcome for log in self.logs.get("", [])]
        foreign_s = sum(outcome.foreign_s for outcome in outcomes)
        return disturbance.clause(foreign_s, sum(outcome.available_s for outcome in outcomes))

    def _issues(self) -> Sequence[str]:
        """Issues that belong to no single measure."""
        issues = [
            f"In '{name}' {log.broke_off}"
            for name, logs in self.logs.items()
            for log in logs
            if log.broke_off and name != GATES.name
        ]
        starts = [log.outcome.starts for logs in self.logs.values() for log in logs]
        if failed := sum(max(0, started - 1) for started in starts):
            issues.append(f"The engine failed to start {failed} times and was started again.")
        return issues


def _or_time_is_over(found: BaseModel) -> BaseModel:
    """The result with the spent budget as the reason for the parts that were not reached."""
    if found == NOT_REACHED:
        return _TIME_IS_OVER
    parts: Mapping[str, object] = dict(found)
    return found.model_copy(
        update={name: _TIME_IS_OVER for name, part in parts.items() if part == NOT_REACHED}
    )
