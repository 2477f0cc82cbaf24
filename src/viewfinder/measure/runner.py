"""One invocation of bench: every model in turn, each result stored as soon as it is there; `api` calls it."""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.hashes import Hashes
from viewfinder.core.config import Settings
from viewfinder.core.errors import AlreadyRunning, ViewfinderError
from viewfinder.core.paths import Folders
from viewfinder.host.hardware import this_machine
from viewfinder.measure.anchor import Anchor, steps_of_anchor
from viewfinder.measure.compare.evidence import Evidence
from viewfinder.measure.deadline import Deadline, TimeIsUp
from viewfinder.measure.measures.registry import stages_of
from viewfinder.measure.plan import Turn, plan, second_measurements
from viewfinder.measure.progress import Progress, Steps
from viewfinder.measure.results import ModelResult
from viewfinder.measure.rounds import FIRST_BLOCK, next_round
from viewfinder.measure.session import CELLS, Conditions, Trial, steps_of
from viewfinder.measure.store import fingerprint
from viewfinder.measure.store.rows import ANCHOR, Request, Run
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import Suite


async def run_suite(
    cards: Sequence[ModelCard],
    suite: Suite,
    *,
    catalog: Catalog,
    settings: Settings,
    store: Store,
    folders: Folders,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    request: Request | None = None,
    resumed: Run | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> list[ModelResult]:
    """Measure each card with the suite and return the results in the cards' order.

    Each model gets server processes of its own, in the order of `order.plan`; with a limit on time, what that
    leaves goes to `rounds`. One that fails has a result
    that says so, and the others are measured. Cancelled (Ctrl-C) or killed, everything that was finished
    stays stored, and a run that has a `request` can go on: given as `resumed` with the same cards and suite,
    nothing that was finished is measured again. Raises ViewfinderError when what is here now is not what the
    run began with, AlreadyRunning when another process carries it out.
    """
    run = resumed or _new_run(suite, request)
    with _alone(folders.state, run.run):
        names = [card.name for card in cards]
        turns = plan(names, CELLS, suite.processes, run.seed, stages_of(suite))
        deadline = Deadline(suite.limit_s, clock)
        planned = sum(steps_of(suite, turn) for turn in turns) + steps_of_anchor(suite)
        steps = Steps(planned, on_progress, run.suite, most_s=lambda: deadline.left_s)
        hashes = Hashes(folders.state / "hashes.json", folders.state / "pulled.json")
        under = Conditions(run, suite, catalog, settings, store, folders, steps, hashes, deadline)
        trials = {card.name: Trial(card, under) for card in cards}
        anchor = Anchor(under)
        await anchor.prepare()
        for trial in trials.values():
            await trial.prepare()
        if resumed:
            anchor.recall()
            for trial in trials.values():
                trial.recall()
            _require_the_same(run, trials, store)
        else:
            prints = {name: trial.fingerprint for name, trial in trials.items()}
            prints[ANCHOR] = anchor.fingerprint
            store.begin(run, {name: taken for name, taken in prints.items() if taken})
        try:
            if any(trial.is_able for trial in trials.values()):
                await anchor.start()
            with suppress(TimeIsUp):
                await _take_all(under, turns, trials)
            if any(trial.is_able for trial in trials.values()):
                await anchor.end()
            for trial in trials.values():
                trial.conclude(*anchor.drift())
        finally:
            store.flush()
        store.finish(run.run, datetime.now(UTC).isoformat(timespec="seconds"))
        _lock_file(folders.state, run.run).unlink(missing_ok=True)
        steps.finish()
    return [trial.result for trial in trials.values() if trial.result is not None]


async def _take_all(under: Conditions, turns: Sequence[Turn], trials: dict[str, Trial]) -> None:
    """What was planned, and after each half what was disturbed once more; raises TimeIsUp."""
    timed, staged = [turn for turn in turns if not turn.stage], [turn for turn in turns if turn.stage]
    for half in (timed, staged):
        await _take(under, half, trials)
        of_it = {turn.block for turn in half}
        spoiled = {name: of_it.intersection(trial.disturbed) for name, trial in trials.items()}
        again = second_measurements(turns, spoiled, under.suite.again)
        under.steps.extend(sum(steps_of(under.suite, turn) for turn in again))
        await _take(under, again, trials)
    if under.suite.limit_s:
        await _take_rounds(under, trials)


async def _take(under: Conditions, turns: Iterable[Turn], trials: dict[str, Trial]) -> None:
    """Each turn by its model's trial; a turn that had nothing to do counts as done."""
    for turn in turns:
        end = under.steps.planned + steps_of(under.suite, turn)
        await trials[turn.model].take(turn)
        under.steps.skip_to(end)


async def _take_rounds(under: Conditions, trials: dict[str, Trial]) -> None:
    """What the budget leaves time for, see `rounds`; raises TimeIsUp unless everything is told before."""
    for number in count(1):
        block = FIRST_BLOCK + 2 * number
        known = {name: Evidence(one.asked_before(block)) for name, one in trials.items() if one.is_able}
        turns = next_round(number, block, known, CELLS, under.run.seed)
        if not turns:
            return
        under.steps.extend(sum(steps_of(under.suite, turn) for turn in turns))
        await _take(under, turns, trials)


def interrupted(store: Store, state: Path) -> Run:
    """The newest run that was interrupted and can go on; ViewfinderError when there is none."""
    for run in reversed(store.runs()):
        if run.finished_at or run.request is None:
            continue
        try:
            with _alone(state, run.run):
                return run
        except AlreadyRunning:
            continue
    raise ViewfinderError(
        "There is no interrupted run to go on with.", hint="Run: viewfinder bench", code="nothing_to_resume"
    )


def _new_run(suite: Suite, request: Request | None) -> Run:
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


def _require_the_same(run: Run, trials: dict[str, Trial], store: Store) -> None:
    """Results of different fingerprints are never pooled."""
    then = store.fingerprints(run.run)
    for name, trial in trials.items():
        if trial.result is not None or name not in then:
            continue
        if trial.fingerprint is None:
            raise ViewfinderError(
                f"The run {run.run} cannot go on: {trial.findings.failure}",
                hint="Mend that and try again, or begin a new run; what was measured is kept.",
                code="resume_differs",
            )
        if changed := fingerprint.differences(then[name], trial.fingerprint):
            raise ViewfinderError(
                f"The run {run.run} cannot go on: '{name}' would not be measured as before "
                f"({'; '.join(changed)}).",
                hint="Undo that and try again, or begin a new run; what was measured is kept.",
                code="resume_differs",
            )


@contextmanager
def _alone(state: Path, run: str) -> Iterator[None]:
    """Hold the run; the kernel frees it when this process dies."""
    lock = FileLock(_lock_file(state, run))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise AlreadyRunning(
            f"The run {run} is being carried out by another process.", hint="Wait until it has ended."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _lock_file(state: Path, run: str) -> Path:
    return state / f"bench-{run}.lock"
