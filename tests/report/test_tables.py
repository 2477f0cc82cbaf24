"""The guide's tables: exact columns, exact cells, and a reason where there is no number."""

import json
import re
from typing import Any

from viewfinder.catalog.published import published
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.results import ModelResult
from viewfinder.report.markdown import Notes
from viewfinder.report.tables import Tables

OVERVIEW = [
    "Model",
    "Vision",
    "Pure text",
    "Average inference (s)",
    "Load time (s)",
    "Memory difference (GB)",
    "Status",
]


def cells(markdown: str) -> list[list[str]]:
    """The lines of a table, split where no backslash stands before the bar."""
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in markdown.splitlines()]
    assert len({len(line) for line in lines}) == 1
    return [[cell.strip() for cell in line] for line in lines]


def test_the_overview_has_the_guides_columns_and_these_cells(make: Any) -> None:
    notes = Notes()
    header, _, row = cells(Tables(notes).overview([make.result()]))
    assert header == OVERVIEW
    assert row == [
        "**glimpse (llama.cpp-f16)**",
        "yes: 58 of 60 right, 96.7 % (88.6 to 99.1)[^1]",
        "yes: 40 of 40 right, 100.0 % (91.2 to 100.0)[^1]",
        "0.321 (0.310 to 0.333, n=30)[^2]",
        "0.912 (0.867 to 0.958, n=7)[^3]",
        "0.0312 (0.0300 to 0.0324, n=7)[^4]",
        "verified, production ready",
    ]
    assert notes.definitions() == [
        "[^1]: Gate: at least 90 %",
        "[^2]: mean of 30 requests",
        "[^3]: median of 7 fresh starts",
        "[^4]: steady minus spawned",
    ]


def test_what_was_not_measured_has_a_reason_and_no_number(make: Any) -> None:
    notes = Notes()
    gone = Missing(missing="it died")
    result = make.result(
        status="failed",
        failure="The engine died.",
        vision=gone,
        text=gone,
        load=make.load(gone),
        average_inference=gone,
        memory_difference=gone,
    )
    row = cells(Tables(notes).overview([result]))[2]
    assert row[1:6] == ["—[^1]"] * 5
    assert row[6] == "failed[^2]"
    assert notes.definitions() == ["[^1]: Not measured: it died", "[^2]: Failed: The engine died."]


def test_a_gate_that_was_missed_says_no_with_its_share(make: Any) -> None:
    row = cells(Tables(Notes()).overview([make.result(text=make.gate(3, 40), status="vision-only")]))[2]
    assert row[2] == "no: 3 of 40 right, 7.5 % (2.6 to 19.9)[^1]"
    assert row[6] == "vision-only"


def test_negative_memory_is_printed_as_it_is(make: Any) -> None:
    shrunk = Figure(value=-1.15e9, low=-1.2e9, high=-1.1e9, n=7, unit="bytes", how="by hand")
    row = cells(Tables(Notes()).overview([make.result(memory_difference=shrunk)]))[2]
    assert row[5].startswith("-1.150 (-1.200 to -1.100, n=7)")


def test_disturbed_timings_are_marked_and_nothing_else(make: Any) -> None:
    notes = Notes()
    row = cells(Tables(notes).overview([make.result(contaminated="two fleets")]))[2]
    mark = next(line for line in notes.definitions() if "two fleets" in line).partition(":")[0]
    assert [mark in cell for cell in row] == [False, False, False, True, True, False, True]
    assert row[6] == f"verified, production ready, contaminated{mark}"


def test_another_machines_model_is_marked(make: Any) -> None:
    notes = Notes()
    other = make.result(
        "other",
        measured_at="2026-11-01T00:00:00Z",
        machine=make.machine.model_copy(update={"cpu": "Old CPU"}),
    )
    table = cells(Tables(notes).overview([make.result(), other]))
    assert table[2][0] == "**glimpse (llama.cpp-f16)**"
    assert table[3][0].startswith("**other (llama.cpp-f16)**[^")
    assert any("another machine (Old CPU)" in line for line in notes.definitions())


def test_a_models_table_begins_with_what_it_is(make: Any) -> None:
    rows = cells(Tables(Notes()).model(make.result()))
    assert [row[0] for row in rows[2:7]] == [
        "Model id",
        "Endpoint",
        "Engine",
        "Quantization",
        "Features proven by a gate",
    ]
    items = dict(rows)
    assert {"Load time (s)", "Average inference (s)", "Memory difference (GB)"} <= items.keys()
    assert items["Model id"] == "`viewfinder/glimpse`"
    assert items["Features proven by a gate"] == "vision, pure text, follow-up turns"
    assert items["Time to first token, text (ms)"].startswith("11.20 (10.80 to 11.60, n=30)")
    assert items["Decode speed"].startswith("513 tokens/s (489 to 536, n=30)")


def test_a_models_table_claims_only_features_that_passed(make: Any) -> None:
    result = make.result(text=make.gate(0, 9), follow_up=Missing(missing="not asked"))
    assert dict(cells(Tables(Notes()).model(result)))["Features proven by a gate"] == "vision"


def test_a_result_of_an_unknown_measure_is_kept_and_named(make: Any) -> None:
    stored = json.loads(make.result().model_dump_json())
    stored["found"] |= {"colors": {"right": [1, 2.5, None]}, "soak": {"chapters": 3}}
    result = ModelResult.model_validate(stored)
    rows = dict(cells(Tables(Notes()).model(result)))
    assert (rows["colors"], rows["soak"]) == ("measured by another version",) * 2
    assert json.loads(result.model_dump_json()) == stored, "nothing is dropped"
    assert isinstance(result.figures["average inference"], Figure)
    assert Tables(Notes()).sections(result) == Tables(Notes()).sections(make.result())


def test_a_measure_that_is_not_installed_says_why_it_has_no_result(make: Any) -> None:
    """That it was measured by another version was said of it, too."""
    result = make.result()
    found = result.found | {"colors": Missing(missing="the engine died")}
    notes = Notes()
    rows = dict(cells(Tables(notes).model(result.model_copy(update={"found": found}))))
    assert rows["colors"].startswith("—[^")
    assert any("Not measured: the engine died" in line for line in notes.definitions())


def test_published_figures_are_as_printed_and_stand_beside_measured_ones(make: Any) -> None:
    twin = make.result("smol", model_id="ggml-org/SmolVLM-500M-Instruct-GGUF")
    rows = cells(Tables(Notes()).published(published(), [twin, make.result()]))
    assert len(rows) == 2 + 5
    assert rows[2][:9] == [
        "SmolVLM-500M-Instruct (GGUF)",
        "`ggml-org/SmolVLM-500M-Instruct-GGUF`",
        "llama-server, HTTP, port 8080, /v1/chat/completions",
        "yes",
        "yes",
        "0.32",
        "2.04",
        "0.07",
        "production ready",
    ]
    assert "smol (llama.cpp-f16): average inference 0.321 (0.310 to 0.333, n=30)" in rows[2][9]
    assert [row[9] for row in rows[3:]] == ["no"] * 4
    assert rows[4][7] == "-1.15"
