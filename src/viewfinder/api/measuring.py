"""`bench` and `guide`: measure, store, and report."""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from viewfinder.api.baseline import earlier_results, name_incomplete
from viewfinder.api.histories import everywhere, evidence_for, histories
from viewfinder.api.interruption import interruptible
from viewfinder.api.models import models
from viewfinder.api.pictures import PictureFiles, inline, without_picture
from viewfinder.api.running_servers import running_servers_at
from viewfinder.api.setup import card_of, check_settings, open_catalog, own_folders, require_one_model
from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.published import published
from viewfinder.core import paths
from viewfinder.core.config import Settings, load_settings
from viewfinder.core.errors import BadRequest, ViewfinderError
from viewfinder.fleet.health.upgrade_notes import UPGRADES, UpgradeNotes
from viewfinder.measure.compare.cascades import CascadeWorth, worth_of
from viewfinder.measure.compare.evidence import Evidence
from viewfinder.measure.compare.parity import Parity
from viewfinder.measure.compare.parity import compare as parity_of
from viewfinder.measure.compare.standings import Standing, by_answers, by_times
from viewfinder.measure.deadline import seconds
from viewfinder.measure.measures.decisions import MEASURE as DECISIONS
from viewfinder.measure.measures.decisions.result import DecisionsResult
from viewfinder.measure.measures.own_images import MEASURE as OWN
from viewfinder.measure.measures.own_images.ask import prepared, require_unchanged
from viewfinder.measure.measures.own_images.find import OWN_QUESTIONS
from viewfinder.measure.measures.registry import require_loadable
from viewfinder.measure.progress import Progress
from viewfinder.measure.results import ModelResult
from viewfinder.measure.runner import interrupted, run_suite
from viewfinder.measure.store.rows import RunRequest
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import Suite, suite_named, suite_of
from viewfinder.report import changes
from viewfinder.report.answer import answer
from viewfinder.report.changes import Comparison
from viewfinder.report.document import make_guide, newest
from viewfinder.report.facts import RunModel, failure_of, key, label, same_machine, without_variants
from viewfinder.report.formats import Format, write


def bench(
    names: Sequence[str] = (),
    *,
    suite: str = "quick",
    endpoint: str | None = None,
    endpoint_key: SecretStr | None = None,
    mmproj: str | Path | None = None,
    settings: Settings | None = None,
    vqa: str | Path | None = None,
    only: bool = False,
    budget: str | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> list[ModelResult]:
    """Measure models, each on fresh server processes of its own, and keep every sample.

    Without `names`, every model that runs here; a name may also be `hf:owner/name` or a path. With
    `endpoint`, the running server at that URL is measured instead, and `names` are its own names of its
    models. `mmproj` is the projector of the one GGUF file or folder that is named. `vqa` is a folder of the
    user's own images with questions (see `measure/measures/own_images/questions`), which are asked, too; with
    `only`, nothing else is measured. `budget` ("10m") is the time of the whole run: the user's own questions
    come first, the suite's surplus is spent where it separates models best (see `measure/rounds`), and
    anything not reached says so. A model that fails has a result that says so. `resume` continues the newest
    interrupted run with its own models and suite: nothing that was finished is measured again. Raises
    UnknownModel, BadRequest (no such suite, faulty questions, a model that takes no images), EngineDied or
    EngineRefused when that server does not answer, and ViewfinderError when a run cannot be resumed or a
    measure cannot be loaded.
    """
    require_loadable()
    settings = settings or load_settings()
    if resume:
        if names or endpoint or mmproj or vqa or only or budget:
            raise BadRequest(
                "A run is resumed with the models that it began with.",
                hint="Name no models, or leave out --resume.",
                param="resume",
            )
        return _resume(settings, endpoint_key, on_progress)
    projector = None if mmproj is None else Path(mmproj).absolute()
    require_one_model(names, projector)
    depth = _depth(suite, vqa, budget, settings, only=only)
    settings, request = _asked_for(names, endpoint, endpoint_key, settings, projector, sees=only)
    catalog = open_catalog(settings)
    cards = _cards(catalog, request, settings)
    check_settings(catalog, settings)
    if depth.limit_s and (own := depth.counts.get(OWN.name)):
        depth = depth.with_counts(OWN.name, own.within(depth.limit_s, len(cards), alone=only))
    with own_folders() as folders, Store(paths.results_file()) as store:
        run = partial(run_suite, catalog=catalog, settings=settings, store=store, folders=folders)
        return interruptible(
            run(list(cards.values()), depth, on_progress=on_progress, request=request), store
        )


def _depth(name: str, vqa: str | Path | None, budget: str | None, settings: Settings, *, only: bool) -> Suite:
    """The suite with the user's own questions and budget. Raises BadRequest."""
    depth = suite_named(name)
    if budget is not None:
        depth = replace(depth, limit_s=seconds(budget))
    if vqa is None:
        if only:
            raise BadRequest(
                "--only needs the folder of your own questions.",
                hint="Run: viewfinder bench --vqa FOLDER --only",
                param="only",
            )
        return depth
    counts = depth.counts[OWN.name]
    if only and budget is not None:  # it asks as many as the time allows
        counts = replace(counts, questions=max(one.questions for one in OWN.counts.values()))
    counts = asyncio.run(prepared(counts, Path(vqa).resolve(), settings.limits))
    depth = depth.with_counts(OWN.name, counts)
    return depth.only(OWN.name) if only else depth


def _resume(
    settings: Settings, endpoint_key: SecretStr | None, on_progress: Callable[[Progress], None]
) -> list[ModelResult]:
    with own_folders() as folders, Store(paths.results_file()) as store:
        run = interrupted(store, folders.state)
        suite = suite_of(run.counts)
        if (own := suite.counts.get(OWN.name)) and own.folder:
            require_unchanged(own)
        request = run.request or RunRequest()
        settings = settings.model_copy(update={"variants": request.variants})
        projector = None if request.mmproj is None else Path(request.mmproj)
        settings, request = _asked_for(request.names, request.endpoint, endpoint_key, settings, projector)
        catalog = open_catalog(settings)
        cards = _cards(catalog, request, settings)
        # The variants chosen when the run began, even if more memory is free now.
        for name, fingerprint in store.fingerprints(run.run).items():
            if name in cards:
                kept = [one for one in cards[name].variants if one.name == fingerprint.variant]
                cards[name] = cards[name].narrowed(kept or cards[name].variants)
        again = partial(run_suite, catalog=catalog, settings=settings, store=store, folders=folders)
        return interruptible(again(list(cards.values()), suite, on_progress=on_progress, resumed=run), store)


def _asked_for(
    names: Sequence[str],
    endpoint: str | None,
    key: SecretStr | None,
    settings: Settings,
    mmproj: Path | None = None,
    *,
    sees: bool = False,
) -> tuple[Settings, RunRequest]:
    """The settings with the running servers to measure, and the request with every model named; without
    `names`, all that can be loaded here (`sees`: and take images)."""
    if endpoint is None:
        words = list(names) or [
            line.name for line in models(settings=settings) if line.ready and (line.vision or not sees)
        ]
    else:
        servers = asyncio.run(running_servers_at(endpoint, key, names))
        settings = settings.model_copy(update={"endpoints": servers})
        words = [server.model for server in servers.values()]
    return settings, RunRequest(
        names=tuple(words),
        endpoint=endpoint,
        variants=settings.variants,
        mmproj=None if mmproj is None else str(mmproj),
    )


def _cards(catalog: Catalog, request: RunRequest, settings: Settings) -> dict[str, ModelCard]:
    """The models of a run by their names; those of a running server have names of their own."""
    words = request.names if request.endpoint is None else tuple(settings.endpoints)
    mmproj = None if request.mmproj is None else Path(request.mmproj)
    return {card.name: card for card in (card_of(catalog, word, mmproj) for word in words)}


def guide(form: Format = "md", *, charts_beside: Path | None = None, compare: str | None = None) -> str:
    """The reference guide from the stored results alone, as Markdown ("md"), one HTML file, or JSON.

    HTML has its charts inside; for Markdown they are drawn as PNG files into a folder beside the file
    `charts_beside`, if one is given. Each result is compared with the one of the run `compare` (its id, or
    how only its id begins), else with its own previous one. Raises ViewfinderError when nothing was measured
    yet, and BadRequest when there is no such run, or it has no model to compare with.
    """
    return compared_guide(form, charts_beside=charts_beside, compare=compare)[0]


def compared_guide(
    form: Format = "md", *, charts_beside: Path | None = None, compare: str | None = None
) -> tuple[str, list[Comparison]]:
    """The guide, and the comparisons in it, of which `regressions` are those that became worse."""
    with Store(paths.results_file(), for_reading=True) as store:
        found = histories(store)
        if not found:
            raise ViewfinderError(
                "Nothing was measured here yet.", hint="Run: viewfinder bench", code="no_results"
            )
        latest = [results[0] for results in found]
        previous = earlier_results(store, found, compare)
        evidence = evidence_for(store, (*latest, *previous))
        parities = _parities(latest, evidence)
        standings = _standings(latest, evidence)
        comparisons = changes.compare(latest, previous, evidence)
        comparisons = name_incomplete(store, latest, comparisons)
        of_all_kinds = everywhere(store)
    pictures = PictureFiles(charts_beside) if charts_beside else None
    draw = inline if form == "html" else pictures.draw if pictures else without_picture
    upgrades = UpgradeNotes(paths.home() / UPGRADES).reports()
    cascades = _cascades(latest, evidence)
    made = make_guide(
        latest,
        published(),
        previous,
        parities,
        standings,
        evidence,
        draw,
        upgrades,
        cascades,
        of_all_kinds,
    )
    return write(made, form), comparisons


def _parities(latest: Sequence[ModelResult], evidence: Mapping[RunModel, Evidence]) -> list[Parity]:
    """Each model's variants, two at a time."""
    return [
        parity
        for one, other in itertools.combinations(latest, 2)
        if one.model == other.model
        and (parity := parity_of(one, evidence[key(one)].samples, other, evidence[key(other)].samples))
    ]


def _cascades(latest: Sequence[ModelResult], evidence: Mapping[RunModel, Evidence]) -> list[CascadeWorth]:
    """Each model before each other one on the same machine, where both were asked for decisions."""
    asked = [one for one in latest if isinstance(one.found.get(DECISIONS.name), DecisionsResult)]
    return [
        worth
        for one, other in itertools.permutations(asked, 2)
        if one.model != other.model
        and same_machine(one, other)
        and (worth := worth_of(one, evidence[key(one)].samples, other, evidence[key(other)].samples))
    ]


def _standings(latest: Sequence[ModelResult], evidence: Mapping[RunModel, Evidence]) -> list[Standing]:
    """Of the models on the newest result's machine that did not fail; by times, of those that were not
    disturbed."""
    newest = max(latest, key=lambda result: result.measured_at, default=None)
    able = [
        result
        for result in latest
        if newest is not None and same_machine(result, newest) and not failure_of(result)
    ]
    known = {label(result): evidence[key(result)] for result in able}
    quiet = {label(result): known[label(result)] for result in able if not result.contaminated}
    standings = (by_answers(known), by_answers(known, OWN_QUESTIONS), by_times(quiet))
    return [standing for standing in standings if standing is not None]


def conclude() -> str:
    """The guide's first sentence, and the command that follows from it."""
    with Store(paths.results_file(), for_reading=True) as store:
        latest = newest([results[0] for results in histories(store)])
        said = answer(latest, evidence_for(store, latest))
    text = without_variants(said.text, latest)
    return f"{text}: {said.command}" if said.command else f"{text}."
