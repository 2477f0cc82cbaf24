"""What a proof found survives being kept, and a miss is seen."""

from pathlib import Path

from benchmarks.validity.table import Row, Table, kept, markdown

GOOD, MISSED = Row("TTFT", "200 ms", "201 ms", good=True), Row("a|b", "0", "1", good=False)


def table(*rows: Row) -> Table:
    return Table("timing", "Times", "How it was made.", rows, notes="A note.")


def test_a_table_with_a_miss_is_not_good() -> None:
    assert table(GOOD).good
    assert not table(GOOD, MISSED).good


def test_what_was_kept_is_what_was_found(tmp_path: Path) -> None:
    dated = table(GOOD, MISSED).dated(12.34)
    dated.keep(tmp_path / "measured")
    assert kept("timing", tmp_path / "measured") == dated
    assert dated.command.endswith("python -m benchmarks.validity timing")
    assert dated.took_s == 12.3
    assert kept("cost", tmp_path) is None


def test_the_page_shows_each_row_and_marks_the_miss() -> None:
    lines = markdown(table(GOOD, MISSED)).splitlines()
    assert "| TTFT | 200 ms | 201 ms | yes |" in lines
    assert "| a/b | 0 | 1 | **no** |" in lines, "a bar would end the cell"
    assert lines[0] == "## Times"
    assert lines[-1] == "A note."
