"""The whole guide, read back: every section in its order, every footnote defined, no number from nowhere."""

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from markdown_it import MarkdownIt

from tests.measure.made_up import evidence
from viewfinder.catalog.published import published
from viewfinder.measure.compare.parity import Parity
from viewfinder.measure.figures import Missing
from viewfinder.measure.results import ModelResult
from viewfinder.report.document import conclusion, write_guide

SECTIONS = [
    "Quick summary",
    "Model loading methods",
    "Recommendations",
    "Known issues",
    "Recent improvements",
    "Last updated",
    "Test environment",
    "Architecture",
    "How it was measured",
]
USES = [
    "Production ready",
    "Best overall",
    "Best context",
    "Best vision-only",
    "Balanced",
    "Avoid for production",
]
HOSTILE = "a|b `c` [d](http://e) <img src=x>\n# f **g** ~~h~~ [^9]"


def several(make: Any) -> list[ModelResult]:
    gone = Missing(missing="it died")
    return [
        make.result(),
        make.result("seer", text=make.gate(1, 40), status="vision-only"),
        make.result("bad", status="failed", failure="killed by SIGILL.", vision=gone, text=gone, memory={}),
    ]


def previous(make: Any) -> list[ModelResult]:
    return [
        make.result(
            run="run-1",
            measured_at="2026-11-20T10:00:00Z",
            average_inference=make.figure(3.4, 0.1),
            load=make.load(make.figure(0.93, 0.05)),
        )
    ]


def with_stored(result: ModelResult, **found: Any) -> ModelResult:
    """As read back from a file in which measures of those names have these results."""
    stored = json.loads(result.model_dump_json())
    return ModelResult.model_validate({**stored, "found": stored["found"] | found})


def hostile(make: Any) -> list[ModelResult]:
    return [
        with_stored(
            make.result(
                title=HOSTILE,
                model_id=HOSTILE,
                engine=HOSTILE,
                engine_version=HOSTILE,
                endpoint=HOSTILE,
                failure=HOSTILE,
                contaminated=HOSTILE,
                issues=(HOSTILE,),
                vision=make.gate(1, 40, rule=HOSTILE),
                text=Missing(missing=HOSTILE),
                average_inference=make.figure(1, 0.1, how=HOSTILE),
            ),
            **{HOSTILE: {"right": HOSTILE}},
        )
    ]


@pytest.fixture(params=["nothing", "one", "several", "hostile"])
def guide(make: Any, request: pytest.FixtureRequest) -> str:
    results = {
        "nothing": [],
        "one": [make.result()],
        "several": several(make),
        "hostile": hostile(make),
    }[request.param]
    return write_guide(results, published(), previous(make))


def headings(guide: str, level: str) -> list[str]:
    tokens = MarkdownIt("commonmark").enable("table").parse(guide)
    return [
        after.content
        for token, after in pairwise(tokens)
        if token.type == "heading_open" and token.tag == level
    ]


def section(guide: str, name: str, level: str = "##") -> str:
    """From a heading to the next of its level or above."""
    start = guide.index(f"\n{level} {name}\n") + 1
    end = re.compile(rf"^#{{1,{len(level)}}} ", re.MULTILINE).search(guide, start + len(level) + 1)
    return guide[start : end.start() if end else None]


def test_every_section_is_there_in_the_guides_order(guide: str) -> None:
    assert headings(guide, "h1") == ["VLM Model Loading Reference Guide"]
    assert headings(guide, "h2") == SECTIONS
    assert [name for name in headings(guide, "h3") if name in USES] == USES
    assert headings(section(guide, "Quick summary"), "h3") == ["Capability overview", "Published figures"]


def test_every_section_says_something(guide: str) -> None:
    for name in SECTIONS:
        assert len(section(guide, name).splitlines()) > 2
    for name in USES:
        assert "\n- " in section(guide, name, "###")


def test_every_table_row_has_its_columns(guide: str) -> None:
    width = 0
    rows = 0
    for line in guide.splitlines():
        bars = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert bars == width or not (bars and width), line
        width = bars
        rows += bool(bars)
    assert rows > 5


def test_footnotes_and_their_marks_match(guide: str) -> None:
    defined = re.findall(r"^\[\^(\d+)\]: .", guide, re.MULTILINE)
    marks = set(re.findall(r"(?<!\\)\[\^(\d+)\](?!:)", guide))
    assert set(defined) == marks
    assert len(defined) == len(set(defined))


def test_nothing_breaks_out_into_html_or_links(guide: str) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(guide)
    inner = [child for token in tokens for child in token.children or ()]
    assert not [token for token in [*tokens, *inner] if token.type.startswith(("html", "link", "image"))]


def test_it_is_the_same_each_time_it_is_written(make: Any) -> None:
    results = several(make)
    assert write_guide(results, published()) == write_guide(results, published())


def test_each_model_has_a_recipe_with_its_commands(make: Any) -> None:
    guide = write_guide(several(make), published())
    methods = section(guide, "Model loading methods")
    assert headings(methods, "h3") == [
        "glimpse (llama.cpp-f16)",
        "seer (llama.cpp-f16)",
        "bad (llama.cpp-f16)",
    ]
    for name in ("glimpse", "seer", "bad"):
        recipe = section(guide, f"{name} (llama.cpp-f16)", "###")
        assert f"viewfinder serve {name} --variant " in recipe
        assert f'"model": "{name}"' in recipe
        assert f'viewfinder.load("{name}", variant="llama.cpp-f16")' in recipe
    assert "**It failed here**: killed by SIGILL." in section(guide, "bad (llama.cpp-f16)", "###")


def test_recommendations_name_a_model_or_say_why_not(make: Any) -> None:
    guide = write_guide(several(make), published())
    assert "- **glimpse (llama.cpp-f16)**: vision gate passed" in section(guide, "Best overall", "###")
    assert "- **seer (llama.cpp-f16)**" in section(guide, "Best vision-only", "###")
    avoid = section(guide, "Avoid for production", "###")
    assert "- **bad (llama.cpp-f16)**: it failed: killed by SIGILL.\n" in avoid
    only_bad = write_guide(several(make)[2:], published())
    assert "No measured model qualifies. bad (llama.cpp-f16): it failed: killed by SIGILL." in section(
        only_bad, "Production ready", "###"
    )


def test_published_figures_are_marked_as_not_comparable(make: Any) -> None:
    part = section(write_guide([make.result()], published()), "Published figures", "###")
    assert "**Published on another machine and not comparable" in part
    assert "MacBook Air M3, 16 GB" in part
    assert "2025-07-28" in part
    for printed in ("0.32", "6.20", "5.89", "6.70", "10.10", "-1.15", "-0.40", "1.95 GB", "3.40 s"):
        assert printed in part


def test_published_figures_stay_out_of_everything_else(make: Any) -> None:
    guide = write_guide([make.result()], published())
    rest = guide.replace(section(guide, "Published figures", "###"), "")
    assert not re.search(r"10\.10|-1\.15|SmolVLM", rest)


def test_known_issues_are_those_seen_and_then_those_reported(make: Any) -> None:
    part = section(write_guide(several(make), published()), "Known issues")
    assert "- **seer (llama.cpp-f16)**: text gate not passed with 1 of 40 right" in part
    assert part.index("killed by SIGILL") < part.index("Moondream2 cannot process text-only prompts")
    assert "not checked by these measurements" in part
    assert "- None.\n" in section(write_guide([make.result()], published()), "Known issues")


def test_only_what_a_test_shows_is_a_change(make: Any) -> None:
    quick, slow = [0.30, 0.31, 0.29, 0.305, 0.295], [3.30, 3.31, 3.29, 3.305, 3.295]
    known = {
        ("run-2", "glimpse"): evidence(quick, run="run-2"),
        ("run-1", "glimpse"): evidence(slow, run="run-1"),
    }
    page = write_guide([make.result()], published(), previous(make), evidence=known)
    part = section(page, "Recent improvements")
    assert "6 figures compared, 4 changed" in part
    row = "| average inference | 3.40 s (3.30 to 3.50, n=30) | 0.321 s (0.310 to 0.333, n=30) | 0.09 times ("
    assert row in part
    assert part.count("| changed: better |") == 4
    assert "| load time |" in part
    assert "no change" in part
    alone = section(write_guide([make.result()], published()), "Recent improvements")
    assert "not compared, no previous run of it is stored" in alone


def test_the_environment_is_that_of_the_results(make: Any) -> None:
    other = make.result(
        "other",
        machine=make.machine.model_copy(update={"cpu": "Old CPU"}),
        measured_at="2026-11-01T00:00:00Z",
    )
    guide = write_guide([other, make.result()], published())
    part = section(guide, "Test environment")
    for fact in (
        "Test CPU 9000",
        "Old CPU",
        "2 physical, 4 logical",
        "16.0 GiB",
        "Linux 6.1",
        "avx2, avx512f",
    ):
        assert fact in part
    assert "2026-11-22T10:00:00Z" in section(guide, "Last updated")
    assert "b11549" in section(guide, "Architecture")


def test_of_one_variant_the_newest_result_counts(make: Any) -> None:
    old = make.result(
        run="run-1", measured_at="2026-11-01T00:00:00Z", average_inference=make.figure(7.77, 0.1)
    )
    guide = write_guide([make.result(), old], published())
    assert "7.77" not in guide
    assert guide.count("**glimpse (llama.cpp-f16)**: vision gate passed") == 2


def test_no_measured_cell_without_a_stored_figure(make: Any) -> None:
    """With every figure missing, no decimal number is left in the overview and the recipe but shares."""
    gone = Missing(missing="it died")
    result = make.result(
        load=dict.fromkeys(("spawned", "listening", "ready", "first_token", "first_correct"), gone),
        memory={},
        memory_difference=gone,
        latency=gone,
        vision=gone,
        text=gone,
        follow_up=gone,
    )
    guide = write_guide([result], published())
    shown = section(guide, "Capability overview", "###") + section(guide, "glimpse (llama.cpp-f16)", "###")
    shown = shown.split("Command line")[0]
    assert shown.count("—[^") == 5 + 15
    assert not re.search(r"\d\.\d+ \(", shown)


def test_conclusions_are_two_or_three_sentences_of_measured_facts(make: Any) -> None:
    good = conclusion([make.result()])
    assert good.startswith("Production ready: glimpse (llama.cpp-f16). Best overall: glimpse (llama.cpp-f16)")
    assert "average inference 0.321 s (0.310 to 0.333, n=30)" in good
    three = conclusion(several(make))
    assert "Production ready: glimpse (llama.cpp-f16) (1 of 3 measured)." in three
    assert three.endswith("Avoid for production: seer (llama.cpp-f16) and bad (llama.cpp-f16).")


def test_conclusions_without_a_model_to_recommend(make: Any) -> None:
    assert conclusion([]).startswith("Nothing has been measured yet.")
    failed = conclusion(several(make)[2:])
    assert failed.startswith("Production ready: no measured model qualifies. bad (llama.cpp-f16): it failed")
    assert "Best overall" not in failed
    blind = conclusion([make.result(vision=make.gate(12, 60))])
    assert "vision gate not passed with 12 of 60" in blind
    assert "Measured: vision gate not passed" in blind


def test_the_status_is_told_with_its_reasons_and_what_is_to_be_known_of_the_run(make: Any) -> None:
    result = make.result(
        status_reasons=("both gates passed", "not production ready: it spoke"),
        notes=("Timed start 2 was disturbed.",),
        machine_drift=make.figure(1.02, 0.03, "times", how="the anchor"),
    )
    guide = write_guide([result], published())
    recipe = section(guide, "glimpse (llama.cpp-f16)", "###")
    assert "| Status | verified: both gates passed; not production ready: it spoke |" in recipe
    assert "| Notes | Timed start 2 was disturbed. |" in recipe
    assert "| Time of the same work at the run's end / start | 1.020 (0.990 to 1.050, n=30)[^" in recipe
    assert "]: Status: both gates passed; not production ready: it spoke" in guide
    older = section(write_guide([make.result()], published()), "glimpse (llama.cpp-f16)", "###")
    assert "| Status |" not in older
    assert "| Notes |" not in older


def test_engine_parity_is_told_for_each_pair(make: Any) -> None:
    one, other = make.result(), make.result(variant="mlx-f16", engine="mlx")
    guide = write_guide([one, other], published(), parities=[Parity(one, other, same=35, asked=36)])
    overview = section(guide, "Capability overview", "###")
    assert "glimpse (llama.cpp-f16) and glimpse (mlx-f16): 35 of 36 the same, 97.2 %" in overview
    assert "Engine parity" not in write_guide([one, other], published())


@pytest.mark.parametrize("name", ["gates", "load", "latency", "memory", "throughput"])
def test_a_result_of_another_version_of_a_measure_is_named_and_kept(make: Any, name: str) -> None:
    """What does not fit this version's measure costs that measure's figures alone."""
    result = with_stored(make.result(), **{name: {"chapters": [3, 2.5, None]}})
    guide = write_guide([result], published())
    recipe = section(guide, "glimpse (llama.cpp-f16)", "###")
    assert f"\n| {name} | measured by another version |\n" in recipe
    gone = [figure for figure in result.figures.values() if isinstance(figure, Missing)]
    assert {figure.missing for figure in gone} <= {
        "measured by another version",
        *(figure.missing for figure in make.result().figures.values() if isinstance(figure, Missing)),
    }
    assert result.found[name].model_dump() == {"chapters": [3, 2.5, None]}
    assert ModelResult.model_validate_json(result.model_dump_json()) == result


def test_a_result_of_an_unknown_measure_is_named_and_kept(make: Any) -> None:
    result = with_stored(make.result(), colors={"right": [1, 2.5, None]}, shapes="none")
    guide = write_guide([result], published())
    recipe = section(guide, "glimpse (llama.cpp-f16)", "###")
    for name in ("colors", "shapes"):
        assert f"\n| {name} | measured by another version |\n" in recipe
    without = write_guide([make.result()], published())
    rows = [line for line in guide.splitlines() if "| measured by another version |" not in line]
    assert rows == without.splitlines()
    assert ModelResult.model_validate_json(result.model_dump_json()) == result
    assert json.loads(result.model_dump_json())["found"]["colors"] == {"right": [1, 2.5, None]}
