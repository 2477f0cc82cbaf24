"""Figures, gates and footnotes as the cells of Markdown tables; the `Writer` that measures print with."""

from viewfinder.measure.figures import Gate, Measured, Missing, in_unit
from viewfinder.measure.measures.base import NO_FIGURE
from viewfinder.measure.results import ModelResult
from viewfinder.report.figures import brief, phrase, right_of
from viewfinder.report.markdown import Notes, text


class Cells:
    """The cells of one result; all results of a guide share its footnotes. A `Writer` of
    `measure/measures/base`."""

    def __init__(self, notes: Notes, result: ModelResult) -> None:
        self._notes, self._result = notes, result

    def figure(self, measured: Measured, unit: str = "", *, with_unit: bool = False) -> str:
        """Value, interval and n with a footnote on the method, or a dash with one on the reason."""
        if unit:
            measured = in_unit(measured, unit)
        if isinstance(measured, Missing):
            return f"{NO_FIGURE}{self._notes.mark(f'Not measured: {measured.missing}')}"
        shown = phrase(measured) if with_unit else brief(measured)
        return f"{text(shown)}{self._notes.mark(measured.how)}"

    def timing(self, measured: Measured, unit: str = "", *, with_unit: bool = False) -> str:
        """The same for a timing, with a mark if the run was disturbed."""
        measured = in_unit(measured, unit) if unit else measured
        cell = self.figure(measured, with_unit=with_unit)
        if self._result.contaminated and not isinstance(measured, Missing):
            cell += self._notes.mark(f"Disturbed: {self._result.contaminated}")
        return cell

    def gate(self, gate: Gate | Missing) -> str:
        """Whether the gate was passed, and how many answers were right."""
        if isinstance(gate, Missing):
            return self.figure(gate)
        passed = "yes" if gate.passed else "no"
        return f"{passed}: {right_of(gate)}{self._notes.mark(f'Gate: {gate.rule}')}"

    def text(self, words: str) -> str:
        return text(words)

    def note(self, words: str) -> str:
        return self._notes.mark(words)
