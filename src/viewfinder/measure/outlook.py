"""What a run will still measure, as far as is known in the middle of it; told to `progress` by `runner`."""

import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from viewfinder.measure.forecast import Work, WorkKey, likely_share
from viewfinder.measure.measures.registry import measures
from viewfinder.measure.plan import PlannedProcess
from viewfinder.measure.run_context import RunContext
from viewfinder.measure.session import Session
from viewfinder.measure.store.rows import Run

EARLIER_RUNS = 20
"""The number of runs that are searched for one that measured the same."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """One part of a plan and the `later` ones; disturbed processes of each part are measured once more."""

    context: RunContext
    sessions: Mapping[str, Session]
    part: Sequence[PlannedProcess] = ()
    later: Sequence[Sequence[PlannedProcess]] = ()

    def tell(self, rest: Sequence[PlannedProcess]) -> None:
        """Only the `rest` of this part, and all that comes later, is still to be measured."""
        works: list[Work] = []
        for session in self.sessions.values():
            works += session.to_do(chain(rest, *self.later))
            for part in (self.part, *self.later):
                works += self._repeats(session, part)
        self.context.steps.forecast.rest = works

    def _repeats(self, session: Session, part: Sequence[PlannedProcess]) -> list[Work]:
        """The processes of one model that will likely be measured once more, and their likely number."""
        most = self.context.suite.again
        timed = [one for one in part if one.model == session.card.name and is_timed(one)]
        spoiled = set(session.disturbed)
        again = [one for one in timed if one.number in spoiled][:most] if session.is_able else []
        to_come = session.to_do(one for one in timed if one.number not in session.measured)
        seen = sum(one.number in session.measured for one in timed)
        works = [session.work(one) for one in again]
        if to_come:
            share = likely_share(len(again), seen, len(spoiled), len(session.measured))
            more = min(most - len(again), share * len(to_come))
            works += [replace(one, count=more / len(to_come)) for one in to_come]
        return works


def is_timed(planned: PlannedProcess) -> bool:
    """Whether it is measured again when it was disturbed."""
    return not planned.measure or measures()[planned.measure].timed


def past(
    context: RunContext, sessions: Iterable[Session], planned: Sequence[PlannedProcess]
) -> dict[WorkKey, float]:
    """What the processes of each model took in its newest earlier run with the same counts, files and
    machine."""
    runs = [
        one for one in context.store.runs() if one.run != context.run.run and _same_counts(one, context.run)
    ]
    known: dict[WorkKey, float] = {}
    for session in sessions:
        outcomes = next(filter(None, (_outcomes(session, one) for one in reversed(runs[-EARLIER_RUNS:]))), {})
        took: defaultdict[WorkKey, list[float]] = defaultdict(list)
        for one in planned:
            if one.model == session.card.name and one.number in outcomes:
                took[session.work(one).key].append(outcomes[one.number])
        known |= {key: statistics.fmean(some) for key, some in took.items()}
    return known


def _same_counts(one: Run, other: Run) -> bool:
    """Whether both have the same suite, apart from the budget."""
    first, second = (json.loads(json.dumps({**run.counts, "limit_s": 0})) for run in (one, other))
    return bool(first == second)


def _outcomes(session: Session, run: Run) -> dict[int, float]:
    """The seconds of each process of a model in an earlier run; none if it was another model then."""
    store, model, now = session.context.store, session.card.name, session.fingerprint
    then = store.fingerprints(run.run).get(model)
    if (
        now is None
        or then is None
        or (then.variant, then.files, then.machine)
        != (
            now.variant,
            now.files,
            now.machine,
        )
    ):
        return {}
    return {number: one.spent_s for number, one in store.outcomes(run.run, model).items() if one.spent_s}
