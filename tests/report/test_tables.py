"""The guide's tables: exact columns, exact cells, and a reason where there is no number."""

import json
from typing import Any

from tests.report.conftest import GONE, figure
from viewfinder.catalog.published import published
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.video.result import VideoResult
from viewfinder.measure.results import ModelResult
from viewfinder.report.content import Grid
from viewfinder.report.facts import label
from viewfinder.report.issues import gaps
from viewfinder.report.tables import (
    by_kind,
    every_figure,
    legend,
    main_figures,
    overview,
    published_figures,
)

OVERVIEW = (
    "Model",
    "Vision",
    "Pure text",
    "Right answers (%)",
    "Average inference (s)",
    "Load time (s)",
    "Memory difference (GB)",
    "Status",
)


def words(grid: Grid) -> list[list[str]]:
    assert {len(row) for row in grid.rows} == {len(grid.header)}
    return [[cell.text for cell in row] for row in grid.rows]


def items(grid: Grid) -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in words(grid)}


def test_kinds_of_computers_are_told_apart_and_only_where_there_are_several(make: Any) -> None:
    here, update = make.result(), make.result("seer")
    newer = update.machine.model_copy(update={"os": "Linux 7.0", "memory_bytes": 16 * 2**30 + 4096})
    fast = here.machine.model_copy(update={"cpu": "Fast CPU", "gpu": "NVIDIA L4"})
    update = update.model_copy(update={"machine": newer})
    assert by_kind([here, update]) is None, "the same kind, with another system"
    elsewhere = here.model_copy(update={"machine": fast, "measured_at": "2027-01-01T00:00:00+00:00"})
    earlier = elsewhere.model_copy(update={"measured_at": "2020-01-01T00:00:00+00:00", "failure": "x"})
    grid = by_kind([elsewhere, here, update, earlier])
    assert grid is not None
    assert [row[:2] for row in words(grid)] == [
        ["Fast CPU, 2 cores (4 logical), 16 GiB, NVIDIA L4", label(elsewhere)],
        ["Test CPU 9000, 2 cores (4 logical), 16 GiB", label(here)],
        ["Test CPU 9000, 2 cores (4 logical), 16 GiB", label(update)],
    ]
    assert words(grid)[0][2:] == words(overview([elsewhere]))[0][3:]


def test_the_overview_has_the_guides_columns_and_these_cells(make: Any) -> None:
    grid = overview([make.result()])
    assert grid.header == OVERVIEW
    assert words(grid) == [
        [
            "glimpse (llama.cpp-f16)",
            "yes",
            "yes",
            "96.7 (88.6 to 99.1)",
            "0.321 (0.310 to 0.333)",
            "0.912 (0.867 to 0.958)",
            "0.0312 (0.0300 to 0.0324)",
            "verified, production ready",
        ]
    ]
    behind = [cell.figure.how for cell in grid.rows[0][3:7] if cell.figure]
    assert behind == [
        "at least 90 %",
        "mean of 30 requests",
        "median of 7 fresh starts",
        "steady minus spawned",
    ]


def test_what_was_not_measured_has_a_reason_and_no_number(make: Any) -> None:
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
    grid = overview([result])
    assert words(grid)[0][1:] == [*["—"] * 6, "failed"]
    assert {cell.why for cell in grid.rows[0][1:7]} == {"it died"}
    assert "— Not measured; the model's section says why." in legend([result], grid)


def test_a_gate_that_was_missed_says_no(make: Any) -> None:
    result = make.result(text=make.gate(3, 40), status="vision-only")
    assert words(overview([result]))[0][2] == "no"
    assert items(main_figures(result))["Pure text"] == ["no: 3 of 40 right, 7.5 % (2.6 to 19.9)", "40"]


def test_negative_memory_is_printed_as_it_is(make: Any) -> None:
    shrunk = Figure(value=-1.15e9, low=-1.2e9, high=-1.1e9, n=7, unit="bytes", how="by hand")
    grid = overview([make.result(memory_difference=shrunk)])
    assert words(grid)[0][6] == "-1.150 (-1.200 to -1.100)"


def test_disturbed_timings_are_marked_and_nothing_else(make: Any) -> None:
    result = make.result(contaminated="two fleets")
    grid = overview([result])
    marked = [header for header, cell in zip(grid.header, grid.rows[0], strict=True) if cell.is_disturbed]
    assert marked == ["Average inference (s)", "Load time (s)"]
    assert "† Other programs disturbed the timings." in legend([result], grid)
    every = [row for grid in every_figure(result) for row in grid.rows]
    assert {row[0].text for row in every if row[1].is_disturbed} >= {
        "Decode speed (tokens/s)",
        "Ready after (s)",
    }
    assert not [row for row in every if row[0].text.startswith(("Memory", "Output")) and row[1].is_disturbed]
    assert not [cell for row in overview([make.result()]).rows for cell in row if cell.is_disturbed]


def test_another_machines_model_is_named(make: Any) -> None:
    other = make.result(
        "other",
        measured_at="2026-11-01T00:00:00Z",
        machine=make.machine.model_copy(update={"cpu": "Old CPU"}),
    )
    results = [make.result(), other]
    (line,) = [one for one in legend(results, overview(results)) if "another computer" in one]
    assert line.endswith("other (llama.cpp-f16).")


def test_a_models_main_figures_have_their_n(make: Any) -> None:
    found = items(main_figures(make.result()))
    assert found["Vision"] == ["yes: 58 of 60 right, 96.7 % (88.6 to 99.1)", "60"]
    assert found["Load time (s)"] == ["0.912 (0.867 to 0.958)", "7"]
    assert found["Average inference (s)"] == ["0.321 (0.310 to 0.333)", "30"]
    assert found["Decode speed (tokens/s)"] == ["513 (489 to 536)", "30"]


def test_every_figure_of_every_measure_is_there(make: Any) -> None:
    result = make.result(machine_drift=make.figure(1.02, 0.03, "times", how="the anchor"))
    found = items(every_figure(result)[0])
    assert found["Time to first token, text (ms)"] == ["11.20 (10.80 to 11.60)", "30"]
    assert found["Features proven by a gate"][0] == "vision, pure text, follow-up turns"
    assert found["First image / later images"] == ["not measured: no test is about it", ""]
    assert found["Time of the same work at the run's end / start"][0] == "1.020 (0.990 to 1.050)"


def test_a_models_table_claims_only_features_that_passed(make: Any) -> None:
    result = make.result(text=make.gate(0, 9), follow_up=Missing(missing="not asked"))
    assert items(every_figure(result)[0])["Features proven by a gate"][0] == "vision"


def test_a_result_of_an_unknown_measure_is_kept_and_named(make: Any) -> None:
    stored = json.loads(make.result().model_dump_json())
    stored["found"] |= {"colors": {"right": [1, 2.5, None]}, "soak": {"chapters": 3}}
    result = ModelResult.model_validate(stored)
    first, *others = every_figure(result)
    for name in ("colors", "soak"):
        assert items(first)[name][0] == "measured by another version"
    assert json.loads(result.model_dump_json()) == stored, "nothing is dropped"
    assert isinstance(result.figures["average inference"], Figure)
    assert others == every_figure(make.result())[1:]


def test_a_measure_that_is_not_installed_says_why_it_has_no_result(make: Any) -> None:
    """That it was measured by another version was said of it, too."""
    result = make.result()
    found = result.found | {"colors": Missing(missing="the engine died")}
    first, *_ = every_figure(result.model_copy(update={"found": found}))
    assert items(first)["colors"][0] == "not measured: the engine died"


def test_published_figures_are_as_printed_and_stand_beside_measured_ones(make: Any) -> None:
    twin = make.result("smol", model_id="ggml-org/SmolVLM-500M-Instruct-GGUF")
    rows = words(published_figures(published(), [twin, make.result()]))
    assert len(rows) == 5
    assert rows[0][:9] == [
        "SmolVLM-500M-Instruct (GGUF)",
        "ggml-org/SmolVLM-500M-Instruct-GGUF",
        "llama-server, HTTP, port 8080, /v1/chat/completions",
        "yes",
        "yes",
        "0.32",
        "2.04",
        "0.07",
        "production ready",
    ]
    assert "smol (llama.cpp-f16): average inference 0.321 (0.310 to 0.333) s" in rows[0][9]
    assert [row[9] for row in rows[1:]] == ["no"] * 4
    assert rows[2][7] == "-1.15"


def about_clips(value: float, half: float) -> VideoResult:
    right = figure(value, half, "%", 160)
    return VideoResult(
        frames=8,
        asked=160,
        failed=0,
        right=right,
        last_alone=right,
        gain=right,
        guessed=29.2,
        tokens=GONE,
        kinds=(),
    )


def test_the_overview_has_a_column_for_clips_if_a_model_was_asked_about_some(make: Any) -> None:
    """One that takes one image has the reason in its section; beside one that guesses is what it gives."""
    one_image = Missing(missing="this variant takes one image in one request")
    results = [
        make.result("seer", video=about_clips(80.0, 6.0)),
        make.result("guesser", video=about_clips(33.0, 7.0)),
        make.result("single", video=one_image),
        make.result("old"),
    ]
    grid = overview(results)
    assert grid.header == (*OVERVIEW[:-1], "Video (%)", "Status")
    column = [row[-2] for row in words(grid)]
    assert column == ["80.0 (74.0 to 86.0)", "33.0 (26.0 to 40.0), guessing 29", "—", "—"]
    assert grid.rows[2][-2].why == one_image.missing
    assert items(every_figure(results[2])[0])["Video"][0] == f"not measured: {one_image.missing}"
    assert [one.text for one in gaps(results[2]) if "clips" in one.about] == [one_image.missing]
