"""`tune`: the search on this machine, with real engines; what it found is written into the user's
settings. Called by the CLI and by `benchmarks`."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from viewfinder.api.interruption import interruptible
from viewfinder.api.measured import measured_here
from viewfinder.api.setup import card_of, check_settings, open_catalog, own_folders
from viewfinder.api.tuning import written
from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.hashes import Hashes
from viewfinder.core import paths
from viewfinder.core.config import Settings, load_settings
from viewfinder.core.engine_settings import WHEEL, EngineSettings
from viewfinder.core.errors import AlreadyRunning, BadRequest
from viewfinder.core.native_build import native_builds
from viewfinder.core.paths import Folders
from viewfinder.engines.base import Engine
from viewfinder.engines.registry import engine_named
from viewfinder.fleet.choice import choose_variant
from viewfinder.fleet.health.profile import estimated_bytes
from viewfinder.fleet.image_budget import ImageBudgets
from viewfinder.fleet.record.measured_file import NATIVE
from viewfinder.host.hardware import this_machine, thread_limit
from viewfinder.host.machine_memory import machine_memory
from viewfinder.host.power import read_power
from viewfinder.measure import runner
from viewfinder.measure.deadline import Deadline, seconds
from viewfinder.measure.measures.base import ResultHeader
from viewfinder.measure.store import fingerprint
from viewfinder.measure.tuning import judging
from viewfinder.measure.tuning.ask import PairAsker
from viewfinder.measure.tuning.axes import TuningSpace, space
from viewfinder.measure.tuning.budget_file import budget_files
from viewfinder.measure.tuning.candidate import BUDGETS, IMAGE_TOKENS, LLAMA_SERVER, Candidate, ProcessPair
from viewfinder.measure.tuning.journal import Journal
from viewfinder.measure.tuning.search import CONFIRMS_FROM, Findings, JudgeAnswers, Search, SearchStep

DEFAULT_TIME = "20m"
JOURNALS = "tuning"
_SEARCH_SHARE = 0.8
"""Of the time; the rest is for confirming what was found."""
_FREE_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class TuneProgress:
    """`spent_s` of at most `limit_s` seconds."""

    step: SearchStep
    spent_s: float
    limit_s: float


@dataclass(frozen=True, slots=True)
class Tuned:
    """What `tune` found. `settings` are those that make the difference, `image_budget` the one that was found
    ("image_tokens 64", empty: none); `file` is where the settings were written, None: nowhere. `notes` are
    sentences for people."""

    model: str
    variant: str
    engine: str
    found: Findings
    space: TuningSpace
    settings: Mapping[str, Any]
    image_budget: str
    file: str | None
    notes: tuple[str, ...]
    earlier_pairs: int
    spent_s: float

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "model": self.model,
            "variant": self.variant,
            "engine": self.engine,
            "settings": dict(self.settings),
            "image_budget": self.image_budget or None,
            "times_as_fast": None if self.found.gain is None else asdict(self.found.gain),
            "file": self.file,
            "is_complete": self.found.is_complete,
            "tried": [
                {
                    "settings": dict(trial.candidate.changes),
                    "against": dict(trial.against.changes),
                    "outcome": trial.outcome,
                    "says": trial.says,
                    "times_as_fast": None if trial.gain is None else asdict(trial.gain),
                }
                for trial in self.found.trials
            ],
            "not_tried": [dict(one.changes) for one in self.found.not_tried],
            "left_out": dict(self.space.left_out),
            "notes": list(self.notes),
            "spent_s": round(self.spent_s, 1),
        }


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is tuned, and how it is started now."""

    card: ModelCard
    variant: Variant
    engine: Engine
    now: EngineSettings
    budget: str
    """Why the image budget is not tried; empty: it is."""
    longest_px: int | None
    version: str


def tune(
    model: str,
    *,
    settings: Settings | None = None,
    budget: str = DEFAULT_TIME,
    clients: int = 1,
    dry_run: bool = False,
    again: bool = False,
    judge: JudgeAnswers = judging.answers,
    on_progress: Callable[[TuneProgress], None] = lambda progress: None,
) -> Tuned:
    """Find the settings with which a model answers faster here, and write them into the user's settings.

    `budget` ("20m") is the most time. `clients` ask at the same time. With `dry_run` nothing is written.
    `again` measures everything again; else a search that was stopped continues. `judge` says whether answers
    are as good (`measure/tuning/judging.answers`).

    Raises BadRequest when the model's engine has nothing to tune or the settings file cannot be changed,
    AlreadyRunning while something else measures, UnknownModel, EngineError and ModelFilesError as a start
    does, and KeyboardInterrupt when it was stopped: the pairs measured so far are kept.
    """
    limit_s = seconds(budget)
    settings = settings or load_settings()
    catalog = open_catalog(settings)
    card = card_of(catalog, model)
    check_settings(catalog, settings)
    with own_folders() as folders:
        subject = _subject(card, catalog, settings, folders)
        _require_nothing_else(folders)
        with runner.alone(folders.state, "tune"):
            journal = _journal(subject, catalog, folders, clients, again=again)
            earlier = journal.known
            searching = _search(
                subject, catalog, folders, journal, Deadline(limit_s), limit_s, clients, judge, on_progress
            )
            begun_s = time.monotonic()
            found, search, tried = interruptible(searching, journal)
            spent_s = time.monotonic() - begun_s
    return _finished(subject, found, search, tried, earlier, spent_s, dry_run=dry_run)


def undo(model: str, settings: Settings | None = None) -> written.Undone:
    """Take back what the newest tuning of this model wrote. Raises BadRequest."""
    settings = settings or load_settings()
    return written.undo(card_of(open_catalog(settings), model).name)


def _subject(card: ModelCard, catalog: Catalog, settings: Settings, folders: Folders) -> _Subject:
    """Raises BadRequest (`nothing_to_tune`) for an engine without such settings."""
    variant, _ = choose_variant(card, measured_here(), settings.fleet)
    engine = engine_named(variant.engine)
    if variant.server is not None or not engine.options:
        what = "a running server, which has its own settings" if variant.server else engine.title
        raise BadRequest(
            f"'{card.name}' runs on {what}: only models on llama.cpp have settings to tune.",
            hint="A cheaper image budget can still be measured: "
            f"viewfinder bench {card.name} --suite standard",
            code="nothing_to_tune",
        )
    catalog.resolve(variant)
    budgets = ImageBudgets(folders.state, lambda: settings)
    own = settings.engine_of(card.name)
    version = engine.version(own)
    measured = budgets.of(card.name, variant.name, NATIVE if own.llama_server else version)
    why, longest_px = "", None
    if own.image_tokens:
        why = f"you set image_tokens = {own.image_tokens}"
    elif settings.images.budget != "measured":
        why = 'you set images.budget = "full"'
    elif not isinstance(measured, str):
        chosen = measured.chosen
        longest_px = chosen.longest_px if chosen is not None else None
        why = f"it was measured on {measured.measured_at[:10]}: {chosen.name if chosen else 'the full one'}"
    now = budgets.started_with(card, variant, engine)
    return _Subject(card, variant, engine, now, why, longest_px, version)


def _require_nothing_else(folders: Folders) -> None:
    if busy := runner.in_progress(folders.state):
        what = (
            "Another `viewfinder tune` runs" if busy == ("tune",) else f"The run {busy[0]} is being measured"
        )
        raise AlreadyRunning(
            f"{what}, and each would disturb the other.", hint="Wait until it has finished, or stop it."
        )


def _journal(subject: _Subject, catalog: Catalog, folders: Folders, clients: int, *, again: bool) -> Journal:
    hashes = Hashes(folders.state / "hashes.json", paths.pulled_file())
    files = hashes.of(subject.variant, catalog.resolve(subject.variant))
    taken = fingerprint.take(
        subject.variant, subject.engine, subject.version, files, subject.now, this_machine(), read_power()
    )
    file = folders.state / JOURNALS / f"{subject.card.name}.jsonl"
    if again:
        file.unlink(missing_ok=True)
    return Journal(file, f"{taken.digest} {clients} {subject.longest_px}")


async def _search(
    subject: _Subject,
    catalog: Catalog,
    folders: Folders,
    journal: Journal,
    whole: Deadline,
    limit_s: float,
    clients: int,
    judge: JudgeAnswers,
    on_progress: Callable[[TuneProgress], None],
) -> tuple[Findings, Search, TuningSpace]:
    needed = estimated_bytes(subject.variant, subject.now) or 0
    asker = PairAsker(
        subject.card,
        subject.variant,
        catalog,
        subject.now,
        folders,
        Deadline(_SEARCH_SHARE * limit_s),
        clients,
        together=2 * needed < _FREE_SHARE * machine_memory().available_bytes,
        longest_px=subject.longest_px,
    )
    confirming = replace(asker, deadline=whole)

    async def measure(one: Candidate, other: Candidate, nth: int, questions: int) -> ProcessPair:
        known = journal.get(one, other, nth, questions)
        if known is None:
            known = await (confirming if nth >= CONFIRMS_FROM else asker).pair(one, other, nth, questions)
            journal.add(one, other, questions, known)
        return known

    def tell(step: SearchStep) -> None:
        on_progress(TuneProgress(step, limit_s - whole.left_s, limit_s))

    looked = await asker.look()
    variant = subject.variant
    if looked.is_size_lost:  # of a file that has no card: its budget is an option of the engine
        variant = variant.model_copy(update={"image_lever": "image_tokens"})
    machine = this_machine()
    physical = thread_limit() or machine.cores_physical
    tried = space(
        variant,
        subject.now,
        subject.engine.options,
        cores=(physical, min(machine.cores_logical, thread_limit() or machine.cores_logical)),
        prompt_tokens=looked.prompt_tokens,
        clients=clients,
        budget=subject.budget,
        programs=_other_builds(subject.now),
    )
    search = Search(
        measure,
        images=subject.variant.vision,
        on_step=tell,
        judge=judge,
        left_s=lambda: asker.deadline.left_s,
    )
    found = await search.run(tried.axes)
    return found, search, replace(tried, left_out=tried.left_out | found.left_out)


def _other_builds(now: EngineSettings) -> list[str]:
    """Beside the present one, as the setting `llama_server` of a model names them: those that
    `viewfinder engine` built and checked here, and that of the wheel."""
    native = [str(one.program) for one in native_builds() if one.runs_here]
    programs = [one for one in native if Path(one) != now.llama_server]
    return programs if now.llama_server is None else [*programs, str(WHEEL)]


def _finished(
    subject: _Subject,
    found: Findings,
    search: Search,
    tried: TuningSpace,
    earlier: int,
    spent_s: float,
    *,
    dry_run: bool,
) -> Tuned:
    """Write what was found, unless it is not to be written."""
    name, changes = subject.card.name, dict(found.best.changes)
    values = {key: value for key, value in changes.items() if key not in BUDGETS}
    applied = found.best.settings(subject.now)
    if "micro_batch" in values and applied.batch != subject.now.batch:
        values["batch"] = applied.batch
    budget = Candidate(tuple(one for one in found.best.changes if one[0] in BUDGETS))
    # Of a file without a card, and with another build, what is stored would not be applied.
    is_stored = (IMAGE_TOKENS in changes) == (subject.variant.image_lever == "image_tokens")
    is_stored = is_stored and LLAMA_SERVER not in changes and bool(budget.changes)
    others = _budget_files(subject, search, budget) if is_stored else {}
    notes, file = [], None
    if budget.changes and not others and not dry_run:
        values |= {key: value for key, value in budget.changes if key == IMAGE_TOKENS}
    if found.gain is not None and not dry_run:
        gain = found.gain
        remark = (
            f"by viewfinder tune, {datetime.now(UTC):%Y-%m-%d}: {gain.value:.2f} times as fast "
            f"({gain.low:.2f} to {gain.high:.2f}); viewfinder tune {name} --undo"
        )
        file = str(written.write(name, values, others, remark)) if values or others else None
        notes += written.overridden(name, values)
    return Tuned(
        model=name,
        variant=subject.variant.name,
        engine=f"{subject.engine.name} {subject.version}",
        found=found,
        space=tried,
        settings=values,
        image_budget=budget.title if budget.changes else "",
        file=file,
        notes=tuple(notes),
        earlier_pairs=earlier,
        spent_s=spent_s,
    )


def _budget_files(subject: _Subject, search: Search, budget: Candidate) -> dict[str, bytes]:
    variant = subject.variant
    header = ResultHeader(
        model=subject.card.name,
        title=subject.card.title,
        model_id=variant.repo,
        variant=variant.name,
        engine=variant.engine,
        engine_version=subject.version,
        quantization=variant.quantization,
        endpoint="",
        suite="tune",
        run="",
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=this_machine(),
    )
    return budget_files(search.measured, budget, variant, header)
