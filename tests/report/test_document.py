"""The whole guide: six sets of results, its first screen, and no number from nowhere."""

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from markdown_it import MarkdownIt

from tests.measure.made_up import evidence
from tests.report.sets import own
from viewfinder.catalog.published import published
from viewfinder.measure.compare.parity import Parity
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.own_images.result import WrongAnswer
from viewfinder.measure.results import ModelResult
from viewfinder.report.content import Cell, Grid, Guide
from viewfinder.report.document import make_guide
from viewfinder.report.formats import write

SECTIONS = [
    "Quick summary",
    "Model loading methods",
    "Recommendations",
    "Known issues",
    "Recent improvements",
    "Last updated",
    "Test environment",
    "Architecture",
    "The models",
    "How it was measured",
    "Every figure",
    "Comparisons",
]
USES = [
    "Production ready",
    "Best overall",
    "Best context",
    "Best vision-only",
    "Balanced",
    "Avoid for production",
]
HOSTILE = (
    "a|b `c` [d](http://e) <img src=x onerror=alert(1)>\n# f **g** ~~h~~ [^9] <script>alert(2)</script> "
    "\" onclick=alert(3) ' </style>"
)


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
    return write(make_guide(results, published(), previous(make)), "md")


def headings(guide: str, level: str) -> list[str]:
    tokens = MarkdownIt("commonmark").enable("table").parse(guide)
    return [
        after.content
        for token, after in pairwise(tokens)
        if token.type == "heading_open" and token.tag == level
    ]


def first_screen(guide: str) -> str:
    return guide.partition("\n## The models\n")[0]


def test_every_section_is_there_in_the_guides_order(guide: str) -> None:
    assert headings(guide, "h1") == ["VLM Model Loading Reference Guide"]
    found = headings(guide, "h2")
    assert found == [
        name
        for name in (*SECTIONS, "Issues known to the engines' developers", "Published figures")
        if name in found
    ]
    assert {"Quick summary", "Recommendations", "Known issues", "How it was measured"} <= set(found)
    assert re.findall(r"^- \*\*([^*]+)\*\*: ", guide, re.MULTILINE)[: len(USES)] == USES


def test_every_table_row_has_its_columns(guide: str) -> None:
    width = 0
    rows = 0
    for line in guide.splitlines():
        bars = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert bars == width or not (bars and width), line
        width = bars
        rows += bool(bars)
    assert rows > 5


def test_nothing_breaks_out_into_html_or_links(guide: str) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(guide)
    inner = [child for token in tokens for child in token.children or ()]
    links = [token for token in inner if token.type == "link_open"]
    assert all(str(link.attrGet("href")).startswith("#") for link in links)
    assert not [token for token in [*tokens, *inner] if token.type.startswith(("html", "image"))]


def test_links_lead_to_the_models_sections(make: Any) -> None:
    same = [make.result("a", title="Twin"), make.result("b", title="Twin"), make.result("c", title="!?")]
    guide = make_guide(same, published())
    anchors = [model.anchor for model in guide.models]
    assert len(set(anchors)) == 3
    assert [row[0].anchor for row in guide.overview.rows] == anchors
    assert anchors[0] == "twin-llamacpp-f16"
    assert anchors[1] == "twin-llamacpp-f16-1", "as Markdown's renderers number equal headings"


@pytest.mark.parametrize("form", ["md", "html", "json"])
def test_it_is_the_same_each_time_it_is_written(make: Any, form: Any) -> None:
    results = several(make)
    assert write(make_guide(results, published()), form) == write(make_guide(results, published()), form)


def test_json_has_the_numbers_and_how_they_were_measured(make: Any) -> None:
    stored = json.loads(write(make_guide(several(make), published()), "json"))
    cell = stored["overview"]["rows"][0][4]
    assert cell["text"] == "0.321 (0.310 to 0.333)"
    assert cell["figure"]["value"] == pytest.approx(0.32149)
    assert cell["figure"]["how"] == "mean of 30 requests"
    assert Guide.model_validate(stored) == make_guide(several(make), published())


def test_each_model_has_a_recipe_with_its_commands(make: Any) -> None:
    for model, name in zip(
        make_guide(several(make), published()).models, ("glimpse", "seer", "bad"), strict=True
    ):
        code = "\n".join(snippet.code for snippet in model.snippets)
        assert model.label == f"{name} (llama.cpp-f16)"
        word = name if name == "glimpse" else f"hf:viewfinder/{name}"  # what has no card
        assert f"viewfinder serve {word}" in code
        assert f'"model": "{name}"' in code
        assert f'viewfinder.load("{word}"' in code
    assert model.reasons[0] == "it failed: killed by SIGILL"


def test_published_figures_come_last_and_are_marked_as_not_comparable(make: Any) -> None:
    guide = write(make_guide([make.result()], published()), "md")
    rest, heading, part = guide.partition("\n## Published figures\n")
    assert heading
    assert "Published on another machine and not comparable" in part
    for printed in ("0.32", "6.20", "5.89", "6.70", "10.10", "-1.15", "-0.40", "1.95 GB", "3.40 s"):
        assert printed in part
    assert "Moondream2 cannot process text-only prompts" in part
    assert not re.search(r"10\.10|-1\.15|SmolVLM", rest)
    assert headings(guide, "h2")[-1] == "Published figures"


def test_only_what_a_test_shows_is_a_change(make: Any) -> None:
    quick, slow = [0.30, 0.31, 0.29, 0.305, 0.295], [3.30, 3.31, 3.29, 3.305, 3.295]
    known = {
        ("run-2", "glimpse"): evidence(quick, run="run-2"),
        ("run-1", "glimpse"): evidence(slow, run="run-1"),
    }
    (one,) = make_guide([make.result()], published(), previous(make), evidence=known).comparisons
    assert "6 figures compared, 4 changed" in one.text
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in one.grid.rows}
    before, now, difference, verdict = rows["average inference"]
    assert (before, now) == ("3.40 s (3.30 to 3.50)", "0.321 s (0.310 to 0.333)")
    assert difference.startswith("0.09 times (")
    assert verdict.startswith("changed: better")
    (alone,) = make_guide([make.result()], published()).changes
    assert "no earlier run of it to compare with" in alone.text


@pytest.mark.parametrize("form", ["md", "html", "json"])
def test_every_format_names_the_regressions(make: Any, form: Any) -> None:
    slow, quick = [3.30, 3.31, 3.29, 3.305, 3.295], [0.30, 0.31, 0.29, 0.305, 0.295]
    known = {
        ("run-2", "glimpse"): evidence(slow, run="run-2"),
        ("run-1", "glimpse"): evidence(quick, run="run-1"),
    }
    guide = make_guide([make.result()], published(), previous(make), evidence=known)
    (compared,) = guide.comparisons
    first, *_ = compared.regressions
    assert first.startswith("average inference 11.00 times (")
    assert any(one.startswith("not compared: ") for one in compared.open_questions)
    written = write(guide, form)
    assert first.partition(" (")[0] in written
    assert "Became worse" in written or json.loads(written)["comparisons"][0]["regressions"][0] == first


def test_the_environment_is_that_of_the_results(make: Any) -> None:
    other = make.result(
        "other",
        machine=make.machine.model_copy(update={"cpu": "Old CPU"}),
        measured_at="2026-11-01T00:00:00Z",
    )
    guide = make_guide([other, make.result()], published())
    old, new = guide.environment
    assert (old.models, new.models) == (("other (llama.cpp-f16)",), ("glimpse (llama.cpp-f16)",))
    for fact in (
        "Test CPU 9000",
        "2 physical and 4 logical cores",
        "16.0 GiB",
        "Linux 6.1",
        "CPython 3.11.7",
    ):
        assert fact in new.text
    assert guide.updated == "2026-11-22T10:00:00Z"
    assert guide.engines[0].about == "llama.cpp b11549"


def test_of_one_variant_the_newest_result_counts(make: Any) -> None:
    old = make.result(
        run="run-1", measured_at="2026-11-01T00:00:00Z", average_inference=make.figure(7.77, 0.1)
    )
    guide = make_guide([make.result(), old], published())
    assert "7.77" not in write(guide, "md")
    assert len(guide.models) == 1


def test_no_measured_cell_without_a_stored_figure(make: Any) -> None:
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
    (model,) = make_guide([result], published()).models
    assert model.figures.rows == ()
    assert all(not cell.figure for grid in model.grids for cell in cells_of(grid))
    (gap,) = [gap for gap in model.gaps if gap.text == "it died"]
    assert {"vision", "average inference", "load time", "memory difference"} <= set(gap.about.split(", "))


def cells_of(grid: Grid) -> list[Cell]:
    return [cell for row in grid.rows for cell in row]


def test_the_status_is_told_with_its_reasons_and_what_is_to_be_known_of_the_run(make: Any) -> None:
    result = make.result(
        status_reasons=("both gates passed", "not production ready: it spoke"),
        notes=("Timed start 2 was disturbed.",),
    )
    (model,) = make_guide([result], published()).models
    assert model.status == "verified"
    assert model.reasons == ("both gates passed", "not production ready: it spoke")
    assert model.notes == ("Timed start 2 was disturbed",)
    text = write(make_guide([result], published()), "md")
    assert "**Verified**: both gates passed; not production ready: it spoke." in text


def test_engine_parity_is_told_for_each_pair(make: Any) -> None:
    one, other = make.result(), make.result(variant="mlx-f16", engine="mlx")
    guide = make_guide([one, other], published(), parities=[Parity(one, other, same=35, asked=36)])
    (said,) = guide.parities
    assert said.startswith("glimpse (llama.cpp-f16) and glimpse (mlx-f16): 35 of 36 the same, 97.2 %")


@pytest.mark.parametrize("name", ["gates", "load", "latency", "memory", "throughput"])
def test_a_result_of_another_version_of_a_measure_is_named_and_kept(make: Any, name: str) -> None:
    """What does not fit this version's measure costs that measure's figures alone."""
    result = with_stored(make.result(), **{name: {"chapters": [3, 2.5, None]}})
    (model,) = make_guide([result], published()).models
    rows = {row[0].text: row[1].text for row in model.grids[0].rows}
    assert rows[name] == "measured by another version"
    gone = [figure for figure in result.figures.values() if isinstance(figure, Missing)]
    assert {figure.missing for figure in gone} <= {
        "measured by another version",
        *(figure.missing for figure in make.result().figures.values() if isinstance(figure, Missing)),
    }
    assert result.found[name].model_dump() == {"chapters": [3, 2.5, None]}
    assert ModelResult.model_validate_json(result.model_dump_json()) == result


def test_long_words_from_outside_are_cut_on_the_first_screen_and_kept_below(make: Any) -> None:
    failure = " ".join(f"line{number}" for number in range(400))
    guide = make_guide([make.result(status="failed", failure=failure)], published())
    assert len(first_screen(write(guide, "md")).split()) <= 350
    assert guide.issues[0].text.endswith("…")
    assert "line399" in guide.models[0].reasons[0]


def test_many_issues_are_counted_on_the_first_screen(make: Any) -> None:
    issues = tuple(f"issue {number}" for number in range(20))
    guide = make_guide([make.result(issues=issues)], published())
    assert guide.issues[-1].text == "And 14 more, in the models' sections."
    assert all(issue in guide.models[0].issues for issue in issues)


def test_charts_are_drawn_only_when_asked_for(make: Any) -> None:
    plain = make_guide(several(make), published())
    assert [one.picture for one in plain.drawings] == [""] * len(plain.drawings)
    assert "![" not in write(plain, "md")
    drawn = make_guide(several(make), published(), draw=lambda chart: f"charts/{chart.name}.png")
    text = write(drawn, "md")
    for one in drawn.drawings:
        assert f"](charts/{one.name}.png)" in text
        assert one.table.rows


def test_own_pictures_are_shown_with_what_was_said(make: Any) -> None:
    wrong = WrongAnswer(
        picture="plate 7|8.png", digest="d7", question="Which letter is it?", expected=("Q",), said="<b>O</b>"
    )
    found = own(95.0, 5.0).model_copy(
        update={"wrong": (wrong,), "thumbnails": {"d7": "data:image/png;base64,AA=="}}
    )
    guide = make_guide([make.result(own_images=found)], published())
    (folder,) = guide.own
    assert folder.scores.rows[0][2].text == "95.0 (90.0 to 100.0)"
    page = write(guide, "html")
    assert '<img src="data:image/png;base64,AA==" alt="plate 7|8.png">' in page
    assert "&lt;b&gt;O&lt;/b&gt;" in page
    assert "plate 7\\|8.png" in write(guide, "md")
    assert "your own" in guide.overview.rows[0][3].text
