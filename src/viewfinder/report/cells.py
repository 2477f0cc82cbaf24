"""From the values that measures give to the cells of the guide; called by `tables` and `document`."""

from collections.abc import Iterable

from viewfinder.measure.figures import Figure, Gate, Missing
from viewfinder.measure.measures.base import NO_FIGURE, CellContent, Table, Timing
from viewfinder.measure.measures.gates.find import share_of
from viewfinder.report.content import Cell, Grid
from viewfinder.report.figures import brief, right_of


def cell(value: CellContent, *, is_disturbed: bool = False) -> Cell:
    """A figure with its interval, a gate with its right answers, or a dash with the reason; `is_disturbed`:
    other programs disturbed the run, which marks its timings."""
    if isinstance(value, Timing):
        made = cell(value.measured)
        return made.model_copy(update={"is_disturbed": is_disturbed and made.figure is not None})
    if isinstance(value, Missing):
        return Cell(text=NO_FIGURE, why=value.missing)
    if isinstance(value, Figure):
        return Cell(text=brief(value), figure=value)
    if isinstance(value, Gate):
        share = share_of(value)
        passed = "yes" if value.passed else "no"
        return Cell(text=f"{passed}: {right_of(value)}", figure=share if isinstance(share, Figure) else None)
    return Cell(text=" ".join(value.split()))


def yes_or_no(gate: Gate | Missing) -> Cell:
    """Whether a gate was passed, for a narrow column."""
    full = cell(gate)
    return (
        full if isinstance(gate, Missing) else full.model_copy(update={"text": full.text.partition(":")[0]})
    )


def grid_of(table: Table, *, is_disturbed: bool) -> Grid:
    """A measure's table: each figure with its n, and under it the reasons for what is missing."""
    rows = [[_with_n(cell(value, is_disturbed=is_disturbed)) for value in row] for row in table.rows]
    gaps = dict.fromkeys(one.why for row in rows for one in row if one.why)
    return Grid(intro=table.intro, header=table.header, rows=tuple(map(tuple, rows)), gaps=tuple(gaps))


def _with_n(made: Cell) -> Cell:
    if made.figure is None:
        return made
    return made.model_copy(update={"text": f"{made.text}, n={made.figure.n:,}"})


def words(header: Iterable[str], rows: Iterable[Iterable[str]], intro: str = "") -> Grid:
    """A table of plain words."""
    made = tuple(tuple(cell(word) for word in row) for row in rows)
    return Grid(intro=intro, header=tuple(header), rows=made)
