"""The guide's tables, each cell a stored fact or a footnote that says why not; called by `document`."""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel

from viewfinder.catalog.published import Published, PublishedModel
from viewfinder.host.hardware import Machine
from viewfinder.measure.measures.base import Row
from viewfinder.measure.measures.registry import measures
from viewfinder.measure.results import ModelResult, OtherVersion
from viewfinder.report.advice import production_ready
from viewfinder.report.cells import NOTHING, Cells
from viewfinder.report.changes import Line
from viewfinder.report.facts import average, gate_of, label, load_time, memory, same_machine
from viewfinder.report.markdown import Notes, code, table, text


class Tables:
    """All tables of one guide; they share its footnotes."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def overview(self, results: Sequence[ModelResult]) -> str:
        ready = production_ready(results)
        newest = max(results, key=lambda result: result.measured_at)
        return table(
            (
                "Model",
                "Vision",
                "Pure text",
                "Average inference (s)",
                "Load time (s)",
                "Memory difference (GB)",
                "Status",
            ),
            (self._overview(result, newest, is_ready=result in ready) for result in results),
        )

    def published(self, published: Published, results: Sequence[ModelResult]) -> str:
        """The report's overview as printed, and beside it what was measured here under the same model id."""
        return table(
            (
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
            ),
            (
                (
                    text(row.model),
                    code(row.model_id),
                    text(row.engine),
                    _yes(row.vision),
                    _yes(row.text),
                    str(row.average_inference_s),
                    str(row.load_s),
                    str(row.memory_difference_gb),
                    text(row.status),
                    self._beside(row, results),
                )
                for row in published.models
            ),
        )

    def model(self, result: ModelResult) -> str:
        """Everything that stands in one row, measure by measure."""
        cells = Cells(self._notes, result)
        measured = [row for name, found in _in_order(result) for row in _rows(name, found, cells)]
        return table(
            ("Item", "Measured here"),
            (
                ("Model id", code(result.model_id)),
                ("Endpoint", code(result.endpoint)),
                ("Engine", text(f"{result.engine} {result.engine_version}")),
                ("Quantization", text(result.quantization) or NOTHING),
                *measured,
                *_status(result, cells),
                ("Measured", text(f"{result.measured_at}, suite {result.suite}, run {result.run}")),
            ),
        )

    def sections(self, result: ModelResult) -> list[tuple[str, str]]:
        """The tables below that, each after its introduction."""
        cells = Cells(self._notes, result)
        return [
            (one.intro, table(one.header, one.rows))
            for name, found in _in_order(result)
            if (measure := measures().get(name)) and isinstance(found, measure.result)
            for one in measure.section(found, cells)
        ]

    def changes(self, lines: Iterable[Line]) -> str:
        return table(
            ("Figure", "Previous run", "This run", "Difference", "Verdict"),
            (
                tuple(map(text, (line.figure, line.before, line.now, line.difference, line.verdict)))
                for line in lines
            ),
        )

    def machine(self, machine: Machine) -> str:
        return table(
            ("Item", "Test environment"),
            (
                ("Processor", text(machine.cpu)),
                ("Cores", f"{machine.cores_physical} physical, {machine.cores_logical} logical"),
                ("Memory", f"{machine.memory_bytes / 2**30:.1f} GiB"),
                ("Graphics", text(machine.gpu) or "none found that an engine could use"),
                ("Processor features", text(", ".join(machine.features)) or NOTHING),
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
                (text(engine), text(version) or NOTHING, text(", ".join(models)))
                for (engine, version), models in users.items()
            ),
        )

    def _overview(self, result: ModelResult, newest: ModelResult, *, is_ready: bool) -> tuple[str, ...]:
        cells = Cells(self._notes, result)
        return (
            f"**{text(label(result))}**{self._elsewhere(result, newest)}",
            cells.gate(gate_of(result, "vision")),
            cells.gate(gate_of(result, "text")),
            cells.timing(average(result)),
            cells.timing(load_time(result)),
            cells.figure(memory(result)),
            self._status(result, is_ready),
        )

    def _elsewhere(self, result: ModelResult, newest: ModelResult) -> str:
        if same_machine(result, newest):
            return ""
        note = (
            f"Measured on another machine ({result.machine.cpu}) than the newest result; not ranked with it"
        )
        return self._notes.mark(note)

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
        same = [(result, Cells(self._notes, result)) for result in results if result.model_id == row.model_id]
        return (
            "; ".join(
                f"{text(label(result))}: average inference {cells.timing(average(result))}, "
                f"load {cells.timing(load_time(result))}, memory {cells.figure(memory(result))}, "
                f"{result.status}"
                for result, cells in same
            )
            or "no"
        )


def _in_order(result: ModelResult) -> list[tuple[str, BaseModel]]:
    """What was found, in the measures' order; last the measures that are not installed here."""
    known = [name for name in measures() if name in result.found]
    others = [name for name in result.found if name not in known]
    return [(name, result.found[name]) for name in (*known, *others)]


def _rows(name: str, found: BaseModel, cells: Cells) -> Sequence[Row]:
    measure = measures().get(name)
    if measure is None or isinstance(found, OtherVersion):
        return [(text(name), "measured by another version")]
    return measure.rows(found, cells)


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


def _yes(able: bool) -> str:
    return "yes" if able else "no"
