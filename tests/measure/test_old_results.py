"""A results file of an older version gives a guide with every figure that it had."""

import lzma
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.measure.old_guide import OldCell, OldTable, part, tables
from viewfinder.api.measuring import guide
from viewfinder.measure import results
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.video.find import CLIP_ANSWERS
from viewfinder.measure.store.store import Store
from viewfinder.report.content import Cell, Grid, Guide, ModelSection
from viewfinder.report.formats.markdown import text

OLD = Path(__file__).parent / "old"
VERSION = "1704ae8"
"""The last commit before results were stored by measure; the guide beside the file is that commit's own. Most
of the file's samples were left out, to keep it small: those that no comparison reads."""
OURS, ENDPOINT = "glimpse (llama.cpp-f16)", "glimpse at http://127.0.0.1:8133 (endpoint)"
RENAMED = {
    "Context: told of the second image instead (%)": "Context: answered for the second image (%)",
    "Known images answered otherwise later on": "Canary answers that changed",
    "1: more at once only wait longer": "1: more clients only wait longer",
    "more at once get less than": "more clients get less than",
    "new image, one word asked for": "new image, one-word answer",
    "no previous run of it is stored": "no earlier run of it to compare with",
    "timings not compared; of the previous run": "timings not compared; of the earlier run",
}
SENTENCES = ("Model id", "Endpoint", "Engine", "Quantization", "Measured", "Status", "Notes")
"""Rows of a model's table that are sentences of its section now."""
RESTATED = (
    "Median inference (s)",
    "Output tokens",
    "Time to first token, image (ms)",
    "Time to first token, text (ms)",
)
"""Rows whose method was told in other words than in the table with the same figure, and no longer is."""
RISE = "Rise of the footprint from the first requests to the last ones (MB)"
"""A row that was a footnote of "Memory over many requests"."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "results.sqlite").write_bytes(
        lzma.decompress((OLD / f"results-{VERSION}.sqlite.xz").read_bytes())
    )
    monkeypatch.setenv("VIEWFINDER_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def then() -> str:
    """The old guide, with today's words."""
    old = (OLD / f"guide-{VERSION}.md").read_text()
    for before, now in RENAMED.items():
        assert before in old
        old = old.replace(before, now)
    return re.sub(r"\| Decode speed \| (\S+) tokens/s", r"| Decode speed (tokens/s) | \1", old)


@pytest.fixture
def now(home: Path) -> Guide:
    return Guide.model_validate_json(guide("json"))


def model_of(guide: Guide, label: str) -> ModelSection:
    return next(one for one in guide.models if one.label == label)


def by_item(old: OldTable) -> dict[str, OldCell]:
    return {item.text: cell for item, cell in old.rows}


def is_the_same(old: OldCell, new: Cell) -> bool:
    """The figure with its interval, n, method and mark; or the reason why there is none; or the words."""
    if old.why:
        return new.figure is None and new.why == old.why
    figure = new.figure
    same = new.text == old.text and new.is_disturbed == old.is_disturbed
    return same and (figure.n if figure else None) == old.n and (not old.how or figure.how == old.how)


def markdown_of(old: OldCell) -> str:
    return f"{text(old.text)}{' †' if old.is_disturbed else ''}"


@pytest.mark.parametrize("label", [OURS, ENDPOINT])
def test_its_guide_has_every_item_of_a_model(then: str, now: Guide, label: str) -> None:
    old = by_item(tables(then, f"### {label}")[0])
    new = {item.text: (cell, n.text) for item, cell, n in model_of(now, label).grids[0].rows}
    written = part(guide(), f"### All of {text(label)}").splitlines()
    assert len(old) > 45
    assert set(old) - set(new) == set(SENTENCES)
    for item, cell in old.items():
        if item in SENTENCES:
            continue
        told = replace(cell, how="") if item in RESTATED else cell
        assert is_the_same(told, new[item][0]), item
        shown = f"not measured: {text(cell.why)}" if cell.why else markdown_of(cell)
        assert f"| {text(item)} | {shown} | {cell.n or ''} |" in written


@pytest.mark.parametrize("label", [OURS, ENDPOINT])
def test_its_guide_has_every_row_of_every_measure(then: str, now: Guide, label: str) -> None:
    old, new = tables(then, f"### {label}")[1:], model_of(now, label).grids[1:]
    written = part(guide(), f"### All of {text(label)}").splitlines()
    assert sum(len(table.rows) for table in old) > 25
    assert [table.header for table in old] == [grid.header for grid in new]
    for table, grid in zip(old, new, strict=True):
        for without_n, cells in zip(table.rows, grid.rows, strict=True):
            row = [replace(one, text=f"{one.text}, n={one.n:,}") if one.n else one for one in without_n]
            same = [is_the_same(one, other) for one, other in zip(row, cells, strict=True)]
            assert all(same), (row, cells)
            assert f"| {' | '.join(map(markdown_of, row))} |" in written
            assert all(f"- —: {text(one.why)}." in written for one in row if one.why)


@pytest.mark.parametrize("label", [OURS, ENDPOINT])
def test_the_rows_that_became_sentences_are_complete(then: str, label: str) -> None:
    old = by_item(tables(then, f"### {label}")[0])
    said = part(guide(), f"### {text(label)}")
    plain = {item: old[item].text.strip("`") for item in SENTENCES}
    quantization = "" if plain["Quantization"] == "—" else f", {plain['Quantization']}"
    assert (
        f"{plain['Model id']}{quantization} on {plain['Engine']}, {plain['Endpoint']}; "
        f"measured {plain['Measured']}." in said
    )
    status, _, reasons = plain["Status"].partition(": ")
    assert f"**{status.capitalize()}**: {text(reasons)}" in said
    notes = re.findall(r"^- ([^—].*)$", part(guide(), f"### All of {text(label)}"), re.MULTILINE)
    assert " ".join(notes) == text(plain["Notes"])


def test_the_rise_of_memory_is_a_row(then: str, now: Guide) -> None:
    (footnote,) = by_item(tables(then, f"### {OURS}")[0])["Memory over many requests"].said
    (rise,) = re.findall(r"rose by (\S+) MB", footnote)
    assert f"| {RISE} | {rise} |  |" in guide().splitlines()


def test_its_overview_is_the_same(then: str, now: Guide) -> None:
    (old,) = tables(then, "### Capability overview")
    columns = [now.overview.header.index(column) for column in old.header]
    for row, cells in zip(old.rows, now.overview.rows, strict=True):
        label, vision, pure_text, *figures, status = row
        shown = [cells[column] for column in columns]
        assert [one.text for one in shown[:3]] == [
            label.text.strip("*"),
            vision.text.partition(":")[0],
            pure_text.text.partition(":")[0],
        ]
        assert all(is_the_same(one, other) for one, other in zip(figures, shown[3:-1], strict=True))
        assert shown[-1].text == status.text.partition(",")[0]


def test_the_same_models_are_recommended(then: str, now: Guide) -> None:
    assert [one.about for one in now.recommendations] == re.findall(
        r"^### (.*)$", part(then, "## Recommendations"), re.MULTILINE
    )
    for line in now.recommendations:
        named = re.findall(r"^- \*\*(.*?) \(.*?\)\*\*", part(then, f"### {line.about}"), re.MULTILINE)
        assert all(title in line.text for title in named)
        assert bool(named) == ("glimpse" in line.text)


def test_its_issues_are_in_the_models_sections(then: str, now: Guide) -> None:
    issues = re.findall(r"^- \*\*(glimpse.*?)\*\*: (.*)$", part(then, "## Known issues"), re.MULTILINE)
    disturbed, missing = (said for label, said in issues if label == ENDPOINT)
    model = model_of(now, ENDPOINT)
    assert len(issues) == 2
    assert disturbed in model.reasons
    (why, names) = re.fullmatch(r"not measured \((.*)\): (.*)", missing).groups()
    assert (names, why) in [(gap.about, gap.text) for gap in model.gaps]


def test_its_comparison_is_the_same(then: str, now: Guide) -> None:
    (old,) = tables(then, "## Recent improvements")
    compared, not_compared = now.comparisons
    written = part(then, "## Recent improvements")
    assert f"- **{compared.label}** {compared.text}." in written
    assert f"- **{not_compared.label}**: {not_compared.text}." in written
    assert list(compared.notes) == re.findall(r"^  - (.*)$", written, re.MULTILINE)
    assert compared.grid.header == tuple(name.replace("Previous", "Earlier") for name in old.header)
    assert words(old) == words(compared.grid)


def words(table: OldTable | Grid) -> list[list[str]]:
    """Without n, in the order of the figures' names."""
    return sorted([re.sub(r", n=\d+", "", one.text) for one in row] for row in table.rows)


def test_its_results_are_typed_and_their_figures_found_once(home: Path) -> None:
    with Store(home / "results.sqlite") as store:
        ours, of_endpoint = results.readable(store.latest())
        assert set(ours.found) == {
            "gates",
            "load",
            "latency",
            "memory",
            "cold_load",
            "throughput",
            "resolution",
            "dialogues",
            "stability",
            "soak",
            "own_images",
        }
        assert not [name for name, one in ours.found.items() if isinstance(one, Missing)]
        missing = [name for name, one in ours.figures.items() if isinstance(one, Missing)]
        assert missing == [CLIP_ANSWERS], "a measure that is newer"
        assert isinstance(of_endpoint.figures["memory difference"], Missing)
        assert ours.figures["average inference"] == ours.found["latency"].images.mean  # type: ignore[attr-defined]


def test_it_is_converted_once(home: Path) -> None:
    with Store(home / "results.sqlite") as store:
        first = store.latest()
    with Store(home / "results.sqlite") as store:
        assert store.latest() == first
        assert [one.model_dump_json() for one in results.readable(store.latest())] == [
            results.ModelResult.model_validate_json(one.text).model_dump_json() for one in first
        ]
