"""One invocation of bench: all models in turn, each result stored as soon as it is complete; `api` calls
it."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.hashes import Hashes
from viewfinder.core.config import Settings
from viewfinder.core.errors import AlreadyRunning, BadRequest, ViewfinderError
from viewfinder.core.paths import Folders
from viewfinder.host.hardware import this_machine
from viewfinder.measure.anchor import WORK as ANCHOR_WORK
from viewfinder.measure.anchor import Anchor, steps_of_anchor
from viewfinder.measure.compare.evidence import Evidence
from viewfinder.measure.deadline import Deadline, TimeIsUp
from viewfinder.measure.measures.gates import MEASURE as GATES
from viewfinder.measure.measures.own_images import MEASURE as OWN
from viewfinder.measure.outlook import Outlook, past
from viewfinder.measure.plan import PlannedProcess, plan, second_measurements
from viewfinder.measure.progress import Progress, Steps
from viewfinder.measure.results import ModelResult
from viewfinder.measure.rounds import FIRST_NUMBER, next_round
from viewfinder.measure.run_context import RunContext
from viewfinder.measure.session import Session, steps_of
from viewfinder.measure.store import fingerprint
from viewfinder.measure.store.rows import ANCHOR, Run, RunRequest
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import Suite

_LOCK = "bench-{}.lock"
"""The file of a run that is being measured."""
LOOKED_AT_S = 0.25
"""`in_progress` holds a lock for an instant: only one that stays held for this long is another's."""


async def run_suite(
    cards: Sequence[ModelCard],
    suite: Suite,
    *,
    catalog: Catalog,
    settings: Settings,
    store: Store,
    folders: Folders,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    request: RunRequest | None = None,
    resumed: Run | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> list[ModelResult]:
    """Measure each card with the suite and return the results in the cards' order.

    Each model gets server processes of its own, in the order of `plan`; in a run with a limit, the time that
    is left after that is spent on `rounds`. A model that fails has a result that says so, and the others are
    measured. When the run is cancelled (Ctrl-C) or killed, everything finished stays stored, and a run with a
    `request` can be resumed: pass it as `resumed` with the same cards and suite, and nothing finished is
    measured again. Raises BadRequest, before anything is stored, when a model's files or engine are not here;
    ViewfinderError when the models, engines or settings are not those that a resumed run began with,
    AlreadyRunning when another process is doing the run.
    """
    run = resumed or _new_run(suite, request)
    planned = _plan(cards, suite, run.seed)
    deadline = Deadline(suite.limit_s, clock)
    total = sum(steps_of(suite, one) for one in planned) + steps_of_anchor(suite)
    steps = Steps(
        total,
        on_progress,
        run.suite,
        models=[card.name for card in cards],
        run=run.run,
        most_s=lambda: deadline.left_s,
        clock=clock,
    )
    hashes = Hashes(folders.state / "hashes.json", folders.state / "pulled.json")
    context = RunContext(run, suite, catalog, settings, store, folders, steps, hashes, deadline)
    sessions = {card.name: Session(card, context) for card in cards}
    anchor = Anchor(context)
    with alone(folders.state, run.run):
        await anchor.prepare()
        for session in sessions.values():
            await session.prepare()
        if resumed:
            _require_the_same(run, sessions, store)
        else:
            _require_able(sessions)
            prints = {name: session.fingerprint for name, session in sessions.items()}
            prints[ANCHOR] = anchor.fingerprint
            store.begin(run, {name: taken for name, taken in prints.items() if taken})
        steps.forecast.past = past(context, sessions.values(), planned)
        steps.after = [replace(ANCHOR_WORK, count=suite.anchor)] if anchor.is_able else []
        try:
            await _measure(context, planned, sessions, anchor)
        finally:
            store.flush()
        store.finish(run.run, datetime.now(UTC).isoformat(timespec="seconds"))
        steps.finish()
    return [session.result for session in sessions.values() if session.result is not None]


def _plan(cards: Sequence[ModelCard], suite: Suite, seed: int) -> list[PlannedProcess]:
    apart = [(measure.name, processes) for measure, processes in suite.apart() if measure is not GATES]
    first = GATES.name if GATES.name in suite.counts else ""
    return plan([card.name for card in cards], suite.processes, seed, first, apart, _early(suite))


def _early(suite: Suite) -> tuple[str, ...]:
    """With a budget, the user's own questions: what was asked for by name must not be what is left out."""
    return (OWN.name,) if suite.limit_s else ()


async def _measure(
    context: RunContext, planned: Sequence[PlannedProcess], sessions: dict[str, Session], anchor: Anchor
) -> None:
    """The anchor, all processes, the anchor again, and each model's result."""
    context.steps.fills_budget = _fills_budget(context, sessions)
    Outlook(context, sessions, later=_parts(context.suite, planned)).tell(())
    if any(session.is_able for session in sessions.values()):
        await anchor.start()
    with suppress(TimeIsUp):
        await _take_all(context, planned, sessions)
    if any(session.is_able for session in sessions.values()):
        await anchor.end()
    for session in sessions.values():
        session.conclude(*anchor.drift())


async def _take_all(
    context: RunContext, planned: Sequence[PlannedProcess], sessions: dict[str, Session]
) -> None:
    """Everything planned, part by part, and after each part the disturbed processes once more. Raises
    TimeIsUp."""
    parts = _parts(context.suite, planned)
    for place, part in enumerate(parts, start=1):
        later = parts[place:]
        await _take(part, Outlook(context, sessions, part, later))
        numbers = {one.number for one in part}
        spoiled = {name: numbers.intersection(session.disturbed) for name, session in sessions.items()}
        again = second_measurements(planned, spoiled, context.suite.again)
        context.steps.extend(sum(steps_of(context.suite, one) for one in again))
        await _take(again, Outlook(context, sessions, later=later))
        context.steps.fills_budget = _fills_budget(context, sessions)
    if context.suite.limit_s:
        await _take_rounds(context, sessions)


def _parts(suite: Suite, planned: Sequence[PlannedProcess]) -> list[list[PlannedProcess]]:
    """The early processes, the gates with the shared ones, and those of single measures."""
    early = [one for one in planned if one.measure in _early(suite)]
    apart = [one for one in planned if one.measure and one.measure != GATES.name and one not in early]
    return [early, [one for one in planned if one not in (*early, *apart)], apart]


async def _take(planned: Sequence[PlannedProcess], outlook: Outlook) -> None:
    """Measure each process in its model's session; one that is left out counts as done."""
    steps, suite = outlook.context.steps, outlook.context.suite
    for place, one in enumerate(planned, start=1):
        end = steps.planned + steps_of(suite, one)
        outlook.tell(planned[place:])
        await outlook.sessions[one.model].take(one)
        steps.skip_to(end)


def _fills_budget(context: RunContext, sessions: dict[str, Session]) -> bool:
    """Whether rounds will spend what is left of the budget: models cannot be told apart yet, or nobody
    knows."""
    able = [session for session in sessions.values() if session.is_able]
    if not context.suite.limit_s or len(able) < 2:
        return False
    if any(len(session.measured) < context.suite.processes for session in able):
        return True
    return bool(_round(context, sessions, 1))


async def _take_rounds(context: RunContext, sessions: dict[str, Session]) -> None:
    """Rounds until every model is separated from the best, see `rounds`; raises TimeIsUp."""
    for number in count(1):
        if not (planned := _round(context, sessions, number)):
            return
        context.steps.extend(sum(steps_of(context.suite, one) for one in planned))
        await _take(planned, Outlook(context, sessions))


def _round(context: RunContext, sessions: dict[str, Session], number: int) -> list[PlannedProcess]:
    first = FIRST_NUMBER + 2 * number
    known = {
        name: Evidence(session.samples_before(first)) for name, session in sessions.items() if session.is_able
    }
    return next_round(number, first, known, context.run.seed)


def interrupted(store: Store, state: Path) -> Run:
    """The newest run that was interrupted and can be resumed. Raises ViewfinderError when there is none."""
    busy, of_nodes = in_progress(state), False
    for run in reversed(store.runs()):
        if not run.finished_at and run.request is not None and run.run not in busy:
            if not run.request.group:
                return run
            of_nodes = True
    raise ViewfinderError(
        "There is no interrupted run of this computer to resume."
        if of_nodes
        else "There is no interrupted run to resume.",
        hint="That on the nodes of a cluster: viewfinder bench --ray --resume"
        if of_nodes
        else "Run: viewfinder bench",
        code="nothing_to_resume",
    )


def _new_run(suite: Suite, request: RunRequest | None) -> Run:
    begun = datetime.now(UTC)
    return Run(
        f"{begun:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        suite.name,
        begun.isoformat(timespec="seconds"),
        "",
        this_machine(),
        seed=secrets.randbits(32),
        counts=asdict(suite),
        request=request,
    )


def _require_able(sessions: dict[str, Session]) -> None:
    """Raise BadRequest when a model cannot even be asked: that is no result, so nothing is stored."""
    failures = {name: one.builder.failure for name, one in sessions.items() if one.builder.failure}
    if failures:
        raise BadRequest(
            f"Nothing was measured: {' '.join(failures.values())}",
            hint="Fix that, or name other models: viewfinder bench MODEL...",
            code="cannot_be_asked",
        )


def _require_the_same(run: Run, sessions: dict[str, Session], store: Store) -> None:
    """Raise ViewfinderError when a fingerprint changed: results with different ones are never pooled."""
    then = store.fingerprints(run.run)
    for name, session in sessions.items():
        if session.result is not None or name not in then:
            continue
        if session.fingerprint is None:
            raise ViewfinderError(
                f"The run {run.run} cannot be resumed: {session.builder.failure}",
                hint="Fix that and try again, or start a new run; what was measured is kept.",
                code="resume_differs",
            )
        if changed := fingerprint.differences(then[name], session.fingerprint):
            raise ViewfinderError(
                f"The run {run.run} cannot be resumed: '{name}' would not be measured as before "
                f"({'; '.join(changed)}).",
                hint="Undo that and try again, or start a new run; what was measured is kept.",
                code="resume_differs",
            )


def in_progress(state: Path) -> tuple[str, ...]:
    """The runs that processes measure just now, this one or others."""
    return tuple(
        file.stem.removeprefix("bench-") for file in sorted(state.glob(_LOCK.format("*"))) if _is_held(file)
    )


def _is_held(file: Path) -> bool:
    """Whether a process has it locked; one that was killed has left it unlocked."""
    try:
        with FileLock(file).acquire(timeout=0):
            return False
    except Timeout:
        return True


@contextmanager
def alone(state: Path, run: str) -> Iterator[None]:
    """Lock the run by a file that is removed afterwards; the kernel releases the lock when this process
    dies."""
    lock = FileLock(state / _LOCK.format(run))
    try:
        lock.acquire(timeout=LOOKED_AT_S)
    except Timeout:
        raise AlreadyRunning(
            f"Another process is measuring the run {run}.", hint="Wait until it has finished."
        ) from None
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
