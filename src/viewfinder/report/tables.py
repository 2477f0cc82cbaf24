"""The guide's tables; each cell is a stored fact or has a footnote that says why it is missing; called by
`document`."""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel

from viewfinder.catalog.published import Published, PublishedModel
from viewfinder.host.hardware import Machine
from viewfinder.measure.figures import Gate, Measured, Missing, in_unit
from viewfinder.measure.measures.base import NO_FIGURE, Row, Table
from viewfinder.measure.measures.latency.find import INFERENCE
from viewfinder.measure.measures.load.find import LOAD_TIME
from viewfinder.measure.measures.memory.find import DIFFERENCE
from viewfinder.measure.measures.registry import measures
from viewfinder.measure.results import ModelResult, OtherVersion
from viewfinder.report.advice import production_ready
from viewfinder.report.changes import ComparedFigure
from viewfinder.report.facts import label, same_machine
from viewfinder.report.figures import brief, phrase, right_of
from viewfinder.report.markdown import Notes, code, table, text


class Cells:
    """The cells of one result; all results of a guide share its footnotes. A `Writer` of
    `measure/measures/base`."""

    def __init__(self, notes: Notes, result: ModelResult) -> None:
        self._notes, self._result = notes, result

    def figure(self, measured: Measured, unit: str = "", *, with_unit: bool = False) -> str:
        """Value, interval and n with a footnote on the method, or a dash with one on the reason."""
        measured = in_unit(measured, unit) if unit else measured
        if isinstance(measured, Missing):
            return f"{NO_FIGURE}{self._notes.mark(f'Not measured: {measured.missing}')}"
        shown = phrase(measured) if with_unit else brief(measured)
        return f"{text(shown)}{self._notes.mark(measured.how)}"

    def timing(self, measured: Measured, unit: str = "", *, with_unit: bool = False) -> str:
        cell = self.figure(measured, unit, with_unit=with_unit)
        if self._result.contaminated and not cell.startswith(NO_FIGURE):
            cell += self._notes.mark(f"Disturbed: {self._result.contaminated}")
        return cell

    def gate(self, gate: Gate | Missing) -> str:
        if isinstance(gate, Missing):
            return self.figure(gate)
        passed = "yes" if gate.passed else "no"
        return f"{passed}: {right_of(gate)}{self._notes.mark(f'Gate: {gate.rule}')}"

    def text(self, words: str) -> str:
        return text(words)

    def note(self, words: str) -> str:
        return self._notes.mark(words)


class Tables:
    """All tables of one guide; they share its footnotes."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def overview(self, results: Sequence[ModelResult]) -> str:
        ready = production_ready(results)
        newest = max(results, key=lambda result: result.measured_at)
        return _table([self._overview(result, newest, result in ready) for result in results])

    def published(self, published: Published, results: Sequence[ModelResult]) -> str:
        """The report's overview as printed, beside the results here under the same model id."""
        return _table(
            [
                {
                    "Model": text(row.model),
                    "Model id": code(row.model_id),
                    "Engine": text(row.engine),
                    "Vision": "yes" if row.vision else "no",
                    "Pure text": "yes" if row.text else "no",
                    "Average inference (s)": str(row.average_inference_s),
                    "Load time (s)": str(row.load_s),
                    "Memory difference (GB)": str(row.memory_difference_gb),
                    "Status then": text(row.status),
                    "Measured here": self._beside(row, results),
                }
                for row in published.models
            ]
        )

    def model(self, result: ModelResult) -> str:
        """A model's table: the rows of every measure."""
        cells = Cells(self._notes, result)
        measured = [row for name, found in _in_order(result) for row in _rows(name, found, cells)]
        return table(
            ("Item", "Measured here"),
            (
                ("Model id", code(result.model_id)),
                ("Endpoint", code(result.endpoint)),
                ("Engine", text(f"{result.engine} {result.engine_version}")),
                ("Quantization", text(result.quantization) or NO_FIGURE),
                *measured,
                *_status(result, cells),
                ("Measured", text(f"{result.measured_at}, suite {result.suite}, run {result.run}")),
            ),
        )

    def sections(self, result: ModelResult) -> list[tuple[str, str]]:
        """The tables below that, each with its introduction."""
        cells = Cells(self._notes, result)
        return [
            (one.intro, table(one.header, one.rows))
            for name, found in _in_order(result)
            if (measure := measures().get(name)) and isinstance(found, measure.result)
            for one in measure.section(found, cells)
        ]

    def changes(self, lines: Iterable[ComparedFigure]) -> str:
        return _table(
            [
                {
                    "Figure": text(line.figure),
                    "Previous run": text(line.before),
                    "This run": text(line.now),
                    "Difference": text(line.difference),
                    "Verdict": text(line.verdict),
                }
                for line in lines
            ]
        )

    def machine(self, machine: Machine) -> str:
        return table(
            ("Item", "Test environment"),
            (
                ("Processor", text(machine.cpu)),
                ("Cores", f"{machine.cores_physical} physical, {machine.cores_logical} logical"),
                ("Memory", f"{machine.memory_bytes / 2**30:.1f} GiB"),
                ("Graphics", text(machine.gpu) or "none found that an engine could use"),
                ("Processor features", text(", ".join(machine.features)) or NO_FIGURE),
                ("Operating system", text(machine.os)),
                ("Python", text(machine.python)),
            ),
        )

    def engines(self, results: Sequence[ModelResult]) -> str:
        users: dict[tuple[str, str], list[str]] = {}
        for result in results:
            users.setdefault((result.engine, result.engine_version), []).append(label(result))
        return table(
            ("Engine", "Version", "Models"),
            (
                (text(engine), text(version) or NO_FIGURE, text(", ".join(models)))
                for (engine, version), models in users.items()
            ),
        )

    def _overview(self, result: ModelResult, newest: ModelResult, ready: bool) -> dict[str, str]:
        cells, gates, figures = Cells(self._notes, result), result.facts.gates, result.figures
        note = (
            f"Measured on another machine ({result.machine.cpu}) than the newest result; not ranked with it"
        )
        elsewhere = "" if same_machine(result, newest) else self._notes.mark(note)
        return {
            "Model": f"**{text(label(result))}**{elsewhere}",
            "Vision": cells.gate(gates["vision"]),
            "Pure text": cells.gate(gates["text"]),
            "Average inference (s)": cells.timing(figures[INFERENCE]),
            "Load time (s)": cells.timing(figures[LOAD_TIME]),
            "Memory difference (GB)": cells.figure(figures[DIFFERENCE]),
            "Status": self._status(result, ready),
        }

    def _status(self, result: ModelResult, ready: bool) -> str:
        words: list[str] = [result.status]
        if result.failure:
            words[0] += self._notes.mark(f"Failed: {result.failure}")
        elif result.status_reasons:
            words[0] += self._notes.mark(f"Status: {'; '.join(result.status_reasons)}")
        if ready and result.status != "production ready":
            words.append("production ready")  # by the rules of the version that measured it
        if result.contaminated:
            words.append(f"contaminated{self._notes.mark(f'Disturbed: {result.contaminated}')}")
        if result.issues:
            words.append("has issues")
        return ", ".join(words)

    def _beside(self, row: PublishedModel, results: Sequence[ModelResult]) -> str:
        each = []
        for result in results:
            if result.model_id == row.model_id:
                cells, figures = Cells(self._notes, result), result.figures
                each.append(
                    f"{text(label(result))}: average inference {cells.timing(figures[INFERENCE])}, "
                    f"load {cells.timing(figures[LOAD_TIME])}, memory {cells.figure(figures[DIFFERENCE])}, "
                    f"{result.status}"
                )
        return "; ".join(each) or "no"


def _table(lines: Sequence[Mapping[str, str]]) -> str:
    made = Table("", lines)
    return table(made.header, made.rows)


def _in_order(result: ModelResult) -> list[tuple[str, BaseModel]]:
    """The results of all measures, in the measures' order; last those of measures that are not installed
    here."""
    names = dict.fromkeys((*measures(), *result.found))
    return [(name, result.found[name]) for name in names if name in result.found]


def _rows(name: str, found: BaseModel, cells: Cells) -> Sequence[Row]:
    measure = measures().get(name)
    if isinstance(found, OtherVersion):
        return [(text(name), "measured by another version")]
    if measure is not None:
        return measure.rows(found, cells)
    return [(text(name), cells.figure(found))] if isinstance(found, Missing) else []


def _status(result: ModelResult, cells: Cells) -> list[Row]:
    """The status with its reasons, and how it was measured; results of older versions lack some of it."""
    said: list[Row] = []
    if result.status_reasons:
        said.append(("Status", text(f"{result.status}: {'; '.join(result.status_reasons)}")))
    if result.machine_drift is not None:
        said.append(("Time of the same work at the run's end / start", cells.figure(result.machine_drift)))
    if result.notes:
        said.append(("Notes", text(" ".join(result.notes))))
    return said
