"""The guide as data, before it is Markdown, HTML or JSON; made by `document`, written by `formats`.

All text is plain: words from outside may stand in it, and each format makes them harmless in its own way.
Only the sentences of `method` have `**bold**` words and code; they come from the code alone.
"""

from typing import Literal

from viewfinder.measure.figures import Figure, Frozen

Language = Literal["sh", "python"]


class Cell(Frozen):
    """`text` as it is shown; `figure` is the figure behind it, with its n and method. `why` says why there is
    none, `anchor` is the section that the cell leads to."""

    text: str
    figure: Figure | None = None
    why: str = ""
    is_disturbed: bool = False
    is_code: bool = False
    anchor: str = ""


class Grid(Frozen):
    """A table after a sentence that introduces it; every row has as many cells as the header. `gaps` are the
    reasons for its dashes."""

    intro: str = ""
    header: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    gaps: tuple[str, ...] = ()


class Remark(Frozen):
    """One line of a list: what it is about, a text, and a command that follows from it."""

    about: str = ""
    text: str
    command: str = ""


class Snippet(Frozen):
    """Lines to copy."""

    intro: str
    language: Language
    code: str


class Drawing(Frozen):
    """A chart: its alternative text and the table behind it. `picture` is SVG in HTML and a file's name in
    Markdown; empty where nothing was drawn."""

    name: str
    title: str
    alt: str
    table: Grid
    picture: str = ""


class Computer(Frozen):
    """A computer in one line, the features of its processor, and the models that were measured on it."""

    text: str
    features: tuple[str, ...]
    models: tuple[str, ...]


class AnsweredWrong(Frozen):
    """A question of the user's that a model answered wrong, with what each model said (an error in brackets).
    `thumbnail` is a data URL or empty; `right` are the models that are right here."""

    picture: str
    question: str
    expected: str
    thumbnail: str
    said: tuple[Remark, ...]
    right: tuple[str, ...]


class OwnFolder(Frozen):
    """The user's own questions of one folder: the scores, which is better or how many more would decide,
    and the `wrong` answers; `left_out` counts those that are not shown."""

    folder: str
    scores: Grid
    decision: str
    wrong: tuple[AnsweredWrong, ...]
    left_out: int
    apart: str


class ModelSection(Frozen):
    """All of one model. `about` says what was measured and when, `reasons` are those of its status, `issues`
    what the run saw, `figures` its main figures, `gaps` what was not measured and why, `notes` what was
    unusual in the run, `grids` every figure."""

    label: str
    anchor: str
    status: str
    reasons: tuple[str, ...]
    issues: tuple[str, ...]
    snippets: tuple[Snippet, ...]
    about: str
    figures: Grid
    gaps: tuple[Remark, ...]
    notes: tuple[str, ...]
    grids: tuple[Grid, ...]
    drawings: tuple[Drawing, ...] = ()


class RankedModels(Frozen):
    """Models by one figure, the best first."""

    intro: str
    lines: tuple[Remark, ...]


class ComparedRun(Frozen):
    """A result against an earlier one: a table of every compared figure. `regressions` surely became worse,
    with what may explain each; of the `open_questions` nobody knows whether they did."""

    label: str
    text: str
    regressions: tuple[str, ...] = ()
    open_questions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    grid: Grid = Grid()


class PublishedReport(Frozen):
    """The report that the guide succeeds, as it was printed."""

    intro: str
    grid: Grid
    caveats: tuple[str, ...]
    claims: tuple[str, ...]
    issues: tuple[str, ...]
    date: str


class Guide(Frozen):
    """The whole guide. What comes before `models` is its first screen."""

    title: str
    answer: Remark
    overview: Grid
    legend: tuple[str, ...]
    recommendations: tuple[Remark, ...]
    issues: tuple[Remark, ...]
    changes: tuple[Remark, ...]
    updated: str
    environment: tuple[Computer, ...]
    kinds: Grid | None
    """What was measured on each kind of computer; None where there is only one."""
    engines: tuple[Remark, ...]
    drawings: tuple[Drawing, ...]
    own: tuple[OwnFolder, ...]
    models: tuple[ModelSection, ...]
    method: tuple[str, ...]
    rankings: tuple[RankedModels, ...]
    parities: tuple[str, ...]
    cascades: tuple[str, ...]
    comparisons: tuple[ComparedRun, ...]
    engine_issues: tuple[Remark, ...]
    published: PublishedReport
