"""The guide's tables, of stored facts alone; called by `document` and `sections`."""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel

from viewfinder.catalog.published import Published, PublishedModel
from viewfinder.host.hardware import HardwareKind
from viewfinder.measure.figures import Figure, Missing, in_unit
from viewfinder.measure.measures.base import Row, Timing
from viewfinder.measure.measures.gates.find import IMAGE_ANSWERS
from viewfinder.measure.measures.gates.page import GATE_TITLES
from viewfinder.measure.measures.latency.find import INFERENCE
from viewfinder.measure.measures.load.find import LOAD_TIME
from viewfinder.measure.measures.memory.find import DIFFERENCE
from viewfinder.measure.measures.own_images.find import OWN_QUESTIONS
from viewfinder.measure.measures.registry import measures
from viewfinder.measure.measures.video.find import ALL_GUESSED, CLIP_ANSWERS
from viewfinder.measure.results import ModelResult, OtherVersion
from viewfinder.report.advice import production_ready
from viewfinder.report.cells import cell, grid_of, words, yes_or_no
from viewfinder.report.changes import ComparedFigure
from viewfinder.report.content import Cell, Grid
from viewfinder.report.facts import anchors, kind_in_words, label, same_machine

OVERVIEW = (
    "Model",
    "Vision",
    "Pure text",
    "Right answers (%)",
    "Average inference (s)",
    "Load time (s)",
    "Memory difference (GB)",
    "Status",
)
VIDEO_COLUMN = "Video (%)"


def overview(results: Sequence[ModelResult]) -> Grid:
    """One row a model; figures with their intervals, those about clips only if a model was asked about
    some."""
    ready = production_ready(results)
    named = zip(results, anchors(results), strict=True)
    header: tuple[str, ...] = OVERVIEW
    rows = tuple(_overview(one, name, one in ready) for one, name in named)
    if any(isinstance(one.figures[CLIP_ANSWERS], Figure) for one in results):
        header = (*header[:-1], VIDEO_COLUMN, header[-1])
        rows = tuple((*row[:-1], _clips(one), row[-1]) for one, row in zip(results, rows, strict=True))
    return Grid(header=header, rows=rows)


BY_KIND = ("Computer", "Model", *OVERVIEW[3:])


def by_kind(results: Sequence[ModelResult]) -> Grid | None:
    """The newest result of each variant on each kind of computer, of which figures may be compared only
    within a kind; None where there is only one kind."""
    kinds: dict[HardwareKind, dict[tuple[str, str], ModelResult]] = {}
    for result in sorted(results, key=lambda one: one.measured_at):
        kinds.setdefault(result.machine.kind, {})[result.model, result.variant] = result
    if len(kinds) < 2:
        return None
    ready = production_ready(results)
    rows = [
        (Cell(text=kind_in_words(kind)), Cell(text=label(one)), *_overview(one, "", one in ready)[3:])
        for kind, newest in kinds.items()
        for _, one in sorted(newest.items())
    ]
    return Grid(intro="Figures may be compared within one kind only.", header=BY_KIND, rows=tuple(rows))


def legend(results: Sequence[ModelResult], table: Grid) -> list[str]:
    """What the marks of the overview mean, as far as they occur."""
    cells = [one for row in table.rows for one in row]
    newest = max(results, key=lambda result: result.measured_at, default=None)
    lines = ["95 % intervals in brackets."] if cells else []
    if any(one.is_disturbed for one in cells):
        lines.append("† Other programs disturbed the timings.")
    if any(one.why for one in cells):
        lines.append("— Not measured; the model's section says why.")
    if newest and (others := [label(one) for one in results if not same_machine(one, newest)]):
        lines.append(f"Measured on another computer, and not ranked with the rest: {', '.join(others)}.")
    return lines


def main_figures(result: ModelResult) -> Grid:
    """The gates and the headline figures of every measure, each with its number of samples."""
    facts, lines = result.facts, []
    for name, title in GATE_TITLES.items():
        if not (made := cell(facts.gates[name])).why:
            lines.append((title.capitalize(), made))
    gates = {IMAGE_ANSWERS, "right text answers", "right follow-up answers"}
    for name, figure in facts.figures.items():
        if isinstance(figure, Figure) and name not in gates:
            value = Timing(figure) if _is_timing(figure) else figure
            unit = f" ({figure.unit})" if figure.unit else ""
            lines.append(
                (f"{name[0].upper()}{name[1:]}{unit}", cell(value, is_disturbed=bool(result.contaminated)))
            )
    return Grid(
        header=("Figure", "Measured here", "n"), rows=tuple(_with_n(item, made) for item, made in lines)
    )


def every_figure(result: ModelResult) -> list[Grid]:
    """The rows of every measure as one table, then each measure's tables."""
    is_disturbed = bool(result.contaminated)
    rows = [row for name, found in _in_order(result) for row in _rows(name, found)]
    if result.machine_drift is not None:
        rows.append(("Time of the same work at the run's end / start", result.machine_drift))
    first = Grid(
        header=("Item", "Measured here", "n"),
        rows=tuple(
            _with_n(item, cell(value, is_disturbed=is_disturbed), show_why=True) for item, value in rows
        ),
    )
    return [
        first,
        *(
            grid_of(table, is_disturbed=is_disturbed)
            for name, found in _in_order(result)
            if (measure := measures().get(name)) and isinstance(found, measure.result)
            for table in measure.section(found)
        ),
    ]


def changes(lines: Iterable[ComparedFigure]) -> Grid:
    """Every figure of both runs."""
    header = ("Figure", "Earlier run", "This run", "Difference", "Verdict")
    return words(header, ((one.figure, one.before, one.now, one.difference, one.verdict) for one in lines))


def published_figures(published: Published, results: Sequence[ModelResult]) -> Grid:
    """The report's overview as printed, beside the results here under the same model id."""
    header = (
        "Model",
        "Model id",
        "Engine",
        "Vision",
        "Pure text",
        "Average inference (s)",
        "Load time (s)",
        "Memory difference (GB)",
        "Status then",
        "Measured here",
    )
    return words(
        header,
        (
            (
                row.model,
                row.model_id,
                row.engine,
                "yes" if row.vision else "no",
                "yes" if row.text else "no",
                str(row.average_inference_s),
                str(row.load_s),
                str(row.memory_difference_gb),
                row.status,
                _beside(row, results),
            )
            for row in published.models
        ),
    )


def status_of(result: ModelResult, *, is_ready: bool) -> str:
    """The status, and `production ready` where only the rules of an older version say so."""
    also = ", production ready" if is_ready and result.status != "production ready" else ""
    return f"{result.status}{also}"


def _overview(result: ModelResult, anchor: str, is_ready: bool) -> tuple[Cell, ...]:
    gates, figures, is_disturbed = result.facts.gates, result.figures, bool(result.contaminated)
    return (
        Cell(text=label(result), anchor=anchor),
        yes_or_no(gates["vision"]),
        yes_or_no(gates["text"]),
        _right(result),
        cell(Timing(in_unit(figures[INFERENCE], "s")), is_disturbed=is_disturbed),
        cell(Timing(in_unit(figures[LOAD_TIME], "s")), is_disturbed=is_disturbed),
        cell(in_unit(figures[DIFFERENCE], "GB")),
        Cell(text=status_of(result, is_ready=is_ready)),
    )


def _right(result: ModelResult) -> Cell:
    """To the user's own questions if there were any, else to those about generated pictures."""
    own = result.figures[OWN_QUESTIONS]
    if isinstance(own, Figure):
        made = cell(own)
        return made.model_copy(update={"text": f"{made.text} your own"})
    return cell(result.figures[IMAGE_ANSWERS])


def _clips(result: ModelResult) -> Cell:
    right = result.figures[CLIP_ANSWERS]
    made = cell(right)
    if isinstance(right, Figure) and right.low <= ALL_GUESSED:
        return made.model_copy(update={"text": f"{made.text}, guessing {ALL_GUESSED:.0f}"})
    return made


def _is_timing(figure: Figure) -> bool:
    return figure.unit in ("s", "ms") or figure.unit.endswith("/s")


def _with_n(item: str, made: Cell, *, show_why: bool = False) -> tuple[Cell, ...]:
    """A row with the number of samples; `show_why`: the reason in place of a dash."""
    shown = made.model_copy(update={"text": f"not measured: {made.why}"}) if show_why and made.why else made
    return Cell(text=item), shown, Cell(text=f"{made.figure.n:,}" if made.figure else "")


def _beside(row: PublishedModel, results: Sequence[ModelResult]) -> str:
    each = []
    for result in results:
        if result.model_id == row.model_id:
            figures = result.figures
            said = (
                f"{name} {cell(in_unit(figures[name], unit)).text} {unit}"
                for name, unit in ((INFERENCE, "s"), (LOAD_TIME, "s"), (DIFFERENCE, "GB"))
            )
            each.append(f"{label(result)}: {', '.join(said)}, {result.status}")
    return "; ".join(each) or "no"


def _in_order(result: ModelResult) -> list[tuple[str, BaseModel]]:
    """The results of all measures, in the measures' order; last those of measures that are not installed
    here."""
    names = dict.fromkeys((*measures(), *result.found))
    return [(name, result.found[name]) for name in names if name in result.found]


def _rows(name: str, found: BaseModel) -> Sequence[Row]:
    measure = measures().get(name)
    if isinstance(found, OtherVersion):
        return [(name, "measured by another version")]
    if measure is not None:
        rows: Sequence[Row] = measure.rows(found)
        return rows
    return [(name, found)] if isinstance(found, Missing) else []
