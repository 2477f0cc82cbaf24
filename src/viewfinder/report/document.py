"""Makes the reference guide from stored results; called by `api`, written by `formats`."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from viewfinder.catalog.published import Published
from viewfinder.fleet.health.upgrade_notes import UpgradeReport
from viewfinder.host import hardware
from viewfinder.measure.compare.cascades import CascadeWorth
from viewfinder.measure.compare.evidence import Evidence
from viewfinder.measure.compare.parity import Parity
from viewfinder.measure.compare.standings import Standing
from viewfinder.measure.results import ModelResult
from viewfinder.report import tables
from viewfinder.report.advice import advise, production_ready
from viewfinder.report.answer import answer
from viewfinder.report.cascades import cascade_line, worthwhile
from viewfinder.report.cells import cell, words
from viewfinder.report.changes import Comparison, compare, regressions
from viewfinder.report.charts import all_charts, model_charts
from viewfinder.report.charts.chart import Chart
from viewfinder.report.content import (
    AnsweredWrong,
    Cell,
    ComparedRun,
    Computer,
    Drawing,
    Grid,
    Guide,
    ModelSection,
    OwnFolder,
    PublishedReport,
    RankedModels,
    Remark,
)
from viewfinder.report.facts import RunModel, anchors, label, without_variants
from viewfinder.report.figures import right_of
from viewfinder.report.first_screen import Lists, fitted
from viewfinder.report.issues import known_issues, upstream_issues
from viewfinder.report.method import method
from viewfinder.report.own_pictures import OwnPictures, own_pictures
from viewfinder.report.ranks import lines
from viewfinder.report.sections import section
from viewfinder.report.upgrades import upgraded

TITLE = "VLM Model Loading Reference Guide"


def make_guide(
    results: Sequence[ModelResult],
    published: Published,
    previous: Sequence[ModelResult] = (),
    parities: Sequence[Parity] = (),
    standings: Sequence[Standing] = (),
    evidence: Mapping[RunModel, Evidence] | None = None,
    draw: Callable[[Chart], str] = lambda chart: "",
    upgrades: Sequence[UpgradeReport] = (),
    cascades: Sequence[CascadeWorth] = (),
    everywhere: Sequence[ModelResult] = (),
) -> Guide:
    """The whole guide.

    Of several results of one variant the newest counts. `previous` are results of earlier runs; each result
    is compared with the newest of them that has its model and variant. `parities` give the share of equal
    answers of two variants of one model, `standings` the models that are not worse than the best by one
    figure. `evidence` are the samples of the results: without it nothing is compared with earlier runs, and
    ranks go by intervals. `draw` makes a chart's picture, or the name of its file. `upgrades` is what was
    found of models whose engine or files changed since, `cascades` what two models one after the other are
    worth, `everywhere` the results of all kinds of computers.
    """
    evidence = evidence or {}
    results = newest(results)
    uses = advise(results, evidence)
    said = _plain(answer(results, evidence), results)
    overview = tables.overview(results)
    legend = tables.legend(results, overview)
    comparisons = compare(results, previous, evidence)
    machines, engines = _machines(results), _engines(results)
    recommended = [Remark(about=use.use, text=use.sentence, command=use.command) for use in uses]
    changed = [*upgraded(results, upgrades), *_changes(comparisons)]
    listed = (recommended, known_issues(results), changed)
    lists = Lists(*(tuple(_plain(one, results) for one in some) for some in listed))
    around = [said.text, said.command, *legend, *map(label, results), *(one.text for one in machines)]
    around += [f"{one.about} {one.text}" for one in engines]
    first = fitted(lists, overview, around)
    return Guide(
        title=TITLE,
        answer=said,
        overview=overview,
        legend=tuple(legend),
        recommendations=first.recommendations,
        issues=first.issues,
        changes=first.changes,
        updated=max((result.measured_at for result in results), default=""),
        environment=tuple(machines),
        kinds=tables.by_kind(everywhere),
        engines=tuple(engines),
        drawings=tuple(_drawing(chart, draw) for chart in all_charts(results)),
        own=tuple(_own(one) for one in own_pictures(results, evidence)),
        models=tuple(_sections(results, draw)),
        method=tuple(method(uses)),
        rankings=tuple(map(_ranking, standings)),
        parities=tuple(map(_parity, parities)),
        cascades=tuple(map(cascade_line, worthwhile(cascades))),
        comparisons=tuple(compared(one) for one in comparisons),
        engine_issues=tuple(upstream_issues(results)),
        published=_published(published, results),
    )


def newest(results: Sequence[ModelResult]) -> list[ModelResult]:
    """One result a variant, in the order in which the variants first appear."""
    found: dict[tuple[str, str], ModelResult] = {}
    for result in results:
        key = result.model, result.variant
        if key not in found or found[key].measured_at < result.measured_at:
            found[key] = result
    return list(found.values())


def _sections(results: Sequence[ModelResult], draw: Callable[[Chart], str]) -> Iterator[ModelSection]:
    ready = production_ready(results)
    for result, anchor in zip(results, anchors(results), strict=True):
        drawings = [_drawing(chart, draw) for chart in model_charts(result)]
        yield section(result, anchor, drawings, is_ready=result in ready)


def _parity(one: Parity) -> str:
    return f"{label(one.one)} and {label(one.other)}: {right_of(one.gate).replace('right', 'the same')}"


def _drawing(chart: Chart, draw: Callable[[Chart], str]) -> Drawing:
    table = words(chart.header, chart.rows)
    return Drawing(name=chart.name, title=chart.title, alt=chart.alt, table=table, picture=draw(chart))


def _own(one: OwnPictures) -> OwnFolder:
    rows = (
        (
            Cell(text=score.model),
            Cell(text="" if score.right is None else f"{score.right:,} of {score.asked:,}"),
            cell(score.figure),
            Cell(text=f"{score.failed:,}"),
        )
        for score in one.scores
    )
    wrong = (
        AnsweredWrong(
            picture=picture.picture,
            question=picture.question,
            expected=" / ".join(picture.expected),
            thumbnail=picture.thumbnail if picture.thumbnail.startswith("data:image/") else "",
            said=tuple(Remark(about=s.model, text=s.said or f"({s.error})") for s in picture.said),
            right=picture.right,
        )
        for picture in one.pictures
    )
    return OwnFolder(
        folder=one.folder,
        scores=Grid(header=("Model", "Wholly right", "Accuracy (%)", "No answer"), rows=tuple(rows)),
        decision=one.decision,
        wrong=tuple(wrong),
        left_out=one.left_out,
        apart=one.apart,
    )


def _plain(one: Remark, results: Sequence[ModelResult]) -> Remark:
    """With titles alone where these are enough: the overview has the variants."""
    about, text = (without_variants(words, results) for words in (one.about, one.text))
    return one.model_copy(update={"about": about, "text": text})


def _changes(comparisons: Sequence[Comparison]) -> list[Remark]:
    """One line a model; models of which the same is to be said share one."""
    said: dict[str, list[str]] = {}
    for one in comparisons:
        said.setdefault(one.line, []).append(one.label)
    every = "Every model" if len(comparisons) > 1 and len(said) == 1 else ""
    return [Remark(about=every or ", ".join(models), text=text) for text, models in said.items()]


def _machines(results: Sequence[ModelResult]) -> list[Computer]:
    """Each computer with the models that were measured on it."""
    groups: dict[hardware.Machine, list[str]] = {}
    for result in results:
        groups.setdefault(result.machine, []).append(label(result))
    return [
        Computer(text=computer(one), features=one.features, models=tuple(models))
        for one, models in groups.items()
    ]


def computer(machine: hardware.Machine) -> str:
    """In one line."""
    cores = f"{machine.cores_physical} physical and {machine.cores_logical} logical cores"
    memory = f"{machine.memory_bytes / 2**30:.1f} GiB of memory"
    graphics = machine.gpu or "no graphics card that an engine could use"
    return f"{machine.cpu}, {cores}, {memory}, {graphics}; {machine.os}; Python {machine.python}"


def _engines(results: Sequence[ModelResult]) -> list[Remark]:
    users: dict[str, list[str]] = {}
    for result in results:
        users.setdefault(f"{result.engine} {result.engine_version}".strip(), []).append(label(result))
    return [Remark(about=engine, text=", ".join(models)) for engine, models in users.items()]


def _ranking(standing: Standing) -> RankedModels:
    intro = (
        f"By {standing.what}. Tied models surely differ from the best by less than {standing.margin}; "
        "all pairs of models were tested together (Holm's correction, 5 %)."
    )
    return RankedModels(
        intro=intro, lines=tuple(Remark(about=model, text=said) for model, said in lines(standing))
    )


def compared(one: Comparison) -> ComparedRun:
    """A comparison as data."""
    worse = tuple("; ".join(filter(None, (each.what, each.explanation))) for each in regressions([one]))
    if one.not_compared:
        text = f"not compared, {one.not_compared}"
        return ComparedRun(label=one.label, text=text, regressions=worse, open_questions=one.doubts)
    return ComparedRun(
        label=one.label,
        text=f"against run {one.before_run}: {len(one.lines)} figures compared, {len(one.changes)} changed",
        regressions=worse,
        open_questions=(*one.doubts, *(f"not compared: {left_out}" for left_out in one.left_out)),
        notes=one.notes,
        grid=tables.changes(one.lines),
    )


def _published(published: Published, results: Sequence[ModelResult]) -> PublishedReport:
    intro = (
        "Published on another machine and not comparable with the figures measured here: the "
        f'"{published.title}" of {published.date} ({published.environment}), as it was printed.'
    )
    return PublishedReport(
        intro=intro,
        grid=tables.published_figures(published, results),
        caveats=published.caveats,
        claims=published.claims,
        issues=published.known_issues,
        date=published.date,
    )
