"""A writer for the tests of pages: plain cells, whose footnotes are kept beside them."""

from viewfinder.measure.figures import Gate, Measured, Missing, in_unit
from viewfinder.report.figures import brief, phrase, right_of

DISTURBED = " (disturbed)"
"""Ends every timing of a disturbed run."""


class PlainWriter:
    """A figure as the guide prints it, without its footnote; or the reason why there is none."""

    def __init__(self, *, is_disturbed: bool = False) -> None:
        self.notes: list[str] = []
        self._mark = DISTURBED if is_disturbed else ""

    def figure(self, measured: Measured, unit: str = "") -> str:
        shown = in_unit(measured, unit) if unit else measured
        return shown.missing if isinstance(shown, Missing) else brief(shown)

    def timing(self, measured: Measured, unit: str = "", *, with_unit: bool = False) -> str:
        shown = in_unit(measured, unit) if unit else measured
        if isinstance(shown, Missing):
            return shown.missing
        return f"{phrase(shown) if with_unit else brief(shown)}{self._mark}"

    def gate(self, gate: Gate | Missing) -> str:
        if isinstance(gate, Missing):
            return gate.missing
        return f"{'yes' if gate.passed else 'no'}: {right_of(gate)}"

    def text(self, words: str) -> str:
        return words

    def note(self, words: str) -> str:
        self.notes.append(words)
        return f"[{len(self.notes)}]"
