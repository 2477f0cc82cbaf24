"""The guide's tables, each cell a stored fact or a footnote that says why not; called by `guide`."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import get_args

from viewfinder.catalog.published import Published, PublishedModel
from viewfinder.host.hardware import Machine
from viewfinder.measure.figures import Figure, Gate, Measured, Memory, Missing, Phase
from viewfinder.measure.measures.dialogues import page as context
from viewfinder.measure.measures.latency import page as latency
from viewfinder.measure.measures.latency.result import Latency
from viewfinder.measure.measures.own_images import page as vqa
from viewfinder.measure.measures.resolution import page as resolution
from viewfinder.measure.measures.resolution.result import Resolution
from viewfinder.measure.measures.stability import page as stability
from viewfinder.measure.measures.throughput import page as throughput
from viewfinder.measure.measures.throughput.result import Throughput
from viewfinder.measure.results import ModelResult
from viewfinder.report import status
from viewfinder.report.advice import production_ready
from viewfinder.report.changes import Line
from viewfinder.report.facts import average, label, load_time, memory, same_machine
from viewfinder.report.figures import brief, in_unit, phrase, right_of
from viewfinder.report.markdown import Notes, code, table, text

NOTHING = "—"


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
            (
                (
                    f"**{text(label(result))}**{self._elsewhere(result, newest)}",
                    self._gate(result.vision),
                    self._gate(result.text),
                    self._timing(result, average(result)),
                    self._timing(result, load_time(result)),
                    self._figure(memory(result)),
                    self._status(result, result in ready),
                )
                for result in results
            ),
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

    def recipe(self, result: ModelResult) -> str:
        proven = [
            name
            for name, gate in (
                ("vision", result.vision),
                ("pure text", result.text),
                ("follow-up turns", result.follow_up),
            )
            if isinstance(gate, Gate) and gate.passed
        ]
        return table(
            ("Item", "Measured here"),
            (
                ("Model id", code(result.model_id)),
                ("Endpoint", code(result.endpoint)),
                ("Load time (s)", self._timing(result, load_time(result))),
                ("Average inference (s)", self._timing(result, average(result))),
                ("Memory difference (GB)", self._figure(memory(result))),
                ("Features proven by a gate", ", ".join(proven) or "none"),
                ("Engine", text(f"{result.engine} {result.engine_version}")),
                ("Quantization", text(result.quantization) or NOTHING),
                ("Vision", self._gate(result.vision)),
                ("Pure text", self._gate(result.text)),
                ("Follow-up turns", self._gate(result.follow_up)),
                ("Process running after (s)", self._timing(result, in_unit(result.load.spawned, "s"))),
                ("Listening after (s)", self._timing(result, in_unit(result.load.listening, "s"))),
                ("Ready after (s)", self._timing(result, in_unit(result.load.ready, "s"))),
                ("First token after (s)", self._timing(result, in_unit(result.load.first_token, "s"))),
                ("Median inference (s)", self._timing(result, in_unit(result.median_inference, "s"))),
                ("Output tokens", self._figure(result.output_tokens)),
                ("Time to first token, image (ms)", self._timing(result, in_unit(result.ttft_image, "ms"))),
                ("Time to first token, text (ms)", self._timing(result, in_unit(result.ttft_text, "ms"))),
                ("Decode speed", self._timing(result, result.decode_rate, with_unit=True)),
                *latency.rows(result, partial(self._timing, result)),
                *context.rows(result, self._figure),
                *throughput.rows(result, partial(self._timing, result)),
                *resolution.rows(result, self._figure),
                *stability.rows(result, self._figure, self._notes.mark),
                *vqa.rows(result, self._figure),
                *status.rows(result, self._figure),
                ("Measured", text(f"{result.measured_at}, suite {result.suite}, run {result.run}")),
            ),
        )

    def percentiles(self, result: ModelResult) -> str:
        """Of each sort of request; empty: none were taken."""
        if not isinstance(result.latency, Latency):
            return ""
        return latency.percentiles(result.latency, partial(self._timing, result))

    def speeds(self, result: ModelResult) -> str:
        """Of each sort of request; empty: none were measured."""
        if not isinstance(result.latency, Latency):
            return ""
        return latency.speeds(result.latency, partial(self._timing, result))

    def memory_phases(self, readings: dict[Phase, Memory]) -> str:
        """Megabytes (10^6 bytes) of the server's process tree.

        The kernel's peak is the sum of what each process ever had in memory, pages of libraries among it; the
        phase "peak" is the most that was seen between requests. Graphics cards have a column where they are
        told.
        """
        on_cards = any(reading.graphics_bytes is not None for reading in readings.values())
        return table(
            (
                "Phase",
                "Footprint (MB)",
                "Anonymous (MB)",
                "Swap (MB)",
                "Mapped model (MB)",
                "PSS (MB)",
                "Kernel's peak (MB)",
                *(["Graphics cards (MB)"] if on_cards else []),
            ),
            (
                (
                    phase.replace("_", " "),
                    _mb(reading.footprint_bytes),
                    _mb(reading.anonymous_bytes),
                    _mb(reading.swap_bytes),
                    _mb(reading.mapped_bytes),
                    f"{_mb(reading.pss_bytes)}{' (shared)' if reading.shared else ''}",
                    _mb(reading.kernel_peak_bytes),
                    *([_mb(reading.graphics_bytes)] if on_cards else []),
                )
                for phase in get_args(Phase)
                if (reading := readings.get(phase)) is not None
            ),
        )

    def throughput(self, result: ModelResult) -> str:
        """What clients get at each level; empty when that was not measured."""
        found = result.throughput
        if not isinstance(found, Throughput):
            return ""
        return throughput.levels(found, partial(self._timing, result))

    def resolution(self, result: ModelResult) -> str:
        """What each image budget costs; empty when that was not measured."""
        found = result.resolution
        if not isinstance(found, Resolution):
            return ""
        return resolution.budgets(found, self._figure, partial(self._timing, result))

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

    def _gate(self, gate: Gate | Missing) -> str:
        if isinstance(gate, Missing):
            return self._missing(gate)
        return f"{_yes(gate.passed)}: {right_of(gate)}{self._notes.mark(f'Gate: {gate.rule}')}"

    def _figure(self, measured: Measured, *, with_unit: bool = False) -> str:
        if isinstance(measured, Missing):
            return self._missing(measured)
        words = phrase(measured) if with_unit else brief(measured)
        return f"{text(words)}{self._notes.mark(measured.how)}"

    def _timing(self, result: ModelResult, measured: Measured, *, with_unit: bool = False) -> str:
        """A figure that a disturbed run spoils; it is shown, and says so."""
        cell = self._figure(measured, with_unit=with_unit)
        if isinstance(measured, Figure) and result.contaminated:
            cell += self._notes.mark(f"Disturbed: {result.contaminated}")
        return cell

    def _missing(self, missing: Missing) -> str:
        return f"{NOTHING}{self._notes.mark(f'Not measured: {missing.missing}')}"

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
        same = [result for result in results if result.model_id == row.model_id]
        return (
            "; ".join(
                f"{text(label(result))}: average inference {self._timing(result, average(result))}, "
                f"load {self._timing(result, load_time(result))}, memory {self._figure(memory(result))}, "
                f"{result.status}"
                for result in same
            )
            or "no"
        )


def _yes(able: bool) -> str:
    return "yes" if able else "no"


def _mb(size_bytes: int | None) -> str:
    return NOTHING if size_bytes is None else f"{size_bytes / 1e6:,.1f}"
