"""The pages of results without a browser: what they show of any results, and what a policy lets them do."""

import asyncio
import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.report import conftest as make
from tests.report.sets import SETS, Stored
from tests.report.test_document import hostile
from viewfinder.catalog.published import published
from viewfinder.core.errors import ViewfinderError
from viewfinder.dashboard.app import Dashboard
from viewfinder.dashboard.backing import (
    Backing,
    BenchLine,
    BenchOrder,
    KeptQuestions,
    OneResult,
    Overview,
    WrongReply,
)
from viewfinder.dashboard.guide import headers_for, with_way_back
from viewfinder.dashboard.results import by_verdict
from viewfinder.dashboard.soon import Soon
from viewfinder.fleet.listing import FirstChoice, ModelLine
from viewfinder.measure.progress import SoFar
from viewfinder.measure.store.store import StoredModel
from viewfinder.report.content import Grid, Guide
from viewfinder.report.document import make_guide
from viewfinder.report.formats import write
from viewfinder.report.sections import section
from viewfinder.report.tables import changes

BROWSER = {"accept": "text/html"}
EVIL = "<script>alert(1)</script> \x1b[31mred\x1b[0m [a](javascript:alert(1)) \u202eleft"


class Known:
    """What the pages ask for, of one set of results."""

    def __init__(self, kept: Stored, bench: BenchLine | None = None, questions: int = 0) -> None:
        self._kept, self._bench, self._questions = kept, bench or BenchLine(), questions
        self.draws = asyncio.Event()

    def backing(self) -> Backing:
        whole: Any = self
        return Backing(whole, whole, whole, whole, whole)

    async def overview(self) -> Overview:
        line = ModelLine("glimpse", "glimpse", "f16", "llama.cpp", True, True, 1, True, True, True, "", "")
        first = FirstChoice(("pictures",), "glimpse", "it is here", "viewfinder serve glimpse")
        return Overview((first,), (line,))

    async def state(self) -> BenchLine:
        return self._bench

    async def kept(self) -> KeptQuestions:
        return KeptQuestions("/questions", self._questions, self._questions)

    async def runs(self) -> tuple[StoredModel, ...]:
        some = [*self._kept.results, *self._kept.previous]
        return tuple(
            StoredModel(one.run, one.model, one.variant, one.suite, one.measured_at, one.status, 9, 9)
            for one in some
        )

    async def guide(self) -> Guide:
        if not self._kept.results:
            raise ViewfinderError("Nothing was measured here yet.", code="no_results")
        kept = self._kept
        return make_guide(kept.results, published(), kept.previous, evidence=kept.evidence)

    async def guide_page(self) -> bytes:
        await self.draws.wait()
        return write(await self.guide(), "html").encode()

    async def one(self, run: str, model: str) -> OneResult:
        result = next(one for one in self._kept.results if one.model == model)
        wrong = (
            WrongReply("vision", EVIL, ("red",), EVIL * 20, "", "id-1"),
            WrongReply("vqa", "", (), "", EVIL),
        )
        return OneResult(result, {}, section(result, "model", is_ready=False), wrong, 99)

    async def compare(self, before: str, after: str) -> Any:
        return (await self.guide()).comparisons


class Strange(HTMLParser):
    """What in a page would run, look or lead elsewhere than the page says."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            is_ours = (value or "").startswith(("/", "#"))
            if name == "style" or name.startswith("on") or (name in ("src", "href") and not is_ours):
                self.found.append(f"{tag} {name}={value}")
        if tag == "style" or (tag == "script" and not dict(attrs).get("src")):
            self.found.append(tag)


def client(known: Known) -> TestClient:
    fleet: Any = None
    dashboard = Dashboard(fleet, known.backing())
    sessions: Any = SimpleNamespace()
    return TestClient(Starlette(routes=[*dashboard.pages(sessions), *dashboard.otherwise()]), headers=BROWSER)


def page(known: Known, address: str) -> str:
    reply = client(known).get(address)
    assert reply.status_code == 200
    return str(reply.text)


@cache
def two_runs() -> Stored:
    return SETS["a regression and noise"]()


@pytest.fixture(scope="module")
def bad() -> Stored:
    return Stored(hostile(make))


@pytest.mark.parametrize(
    "address", ["/results", "/results/run-2/glimpse", "/results/compare?before=a&after=b"]
)
def test_names_and_answers_are_text(bad: Stored, address: str) -> None:
    bench = BenchLine(
        "running", BenchOrder((EVIL,)), EVIL, EVIL, EVIL, so_far=(SoFar(EVIL, EVIL, failure=EVIL),)
    )
    seen = page(Known(bad, bench), address)
    assert "alert(1)" in seen or "alert(2)" in seen
    assert "\x1b" not in seen
    assert Strange(seen).found == []


def test_what_was_measured_is_the_guides_own_words() -> None:
    kept = two_runs()
    guide = make_guide(kept.results, published(), kept.previous, evidence=kept.evidence)
    seen = page(Known(kept), "/results")
    assert guide.answer.text in seen
    for row in guide.overview.rows:
        for cell in row:
            assert cell.text.partition(" (")[0] in seen


def test_the_newest_run_is_compared_with_the_one_before() -> None:
    seen = page(Known(two_runs()), "/results")
    assert re.findall(r'name="(before|after)" value="(run-\d)"[^>]* checked', seen) == [
        ("after", "run-2"),
        ("before", "run-1"),
    ]


def test_nothing_measured_yet_names_the_next_step() -> None:
    seen = page(Known(Stored([])), "/results")
    assert "Nothing was measured" in seen
    assert 'data-body="{&#34;models&#34;: [&#34;glimpse&#34;], &#34;suite&#34;: &#34;quick&#34;}"' in seen


def test_own_questions_are_offered_only_where_there_are_some() -> None:
    assert 'name="own_questions"' not in page(Known(Stored([])), "/results")
    assert "3 about 3 pictures" in page(Known(Stored([]), questions=3), "/results")


def test_a_bench_is_watched_and_its_end_loads_the_page_again() -> None:
    running = BenchLine("running", share=0.999, left_s=90.4, so_far=(SoFar("glimpse", "gates", 31, 33),))
    seen = page(Known(Stored([]), running), "/results?watched=running")
    assert 'value="99"' in seen
    assert "about 90 s left" in seen
    assert "31 of 33" in seen
    for known, shown in ((Known(Stored([])), "running"), (Known(Stored([]), running), "idle")):
        reply = client(known).get(f"/results?watched={shown}")
        assert (reply.status_code, reply.headers["hx-refresh"]) == (204, "true")


def test_a_result_says_how_each_figure_was_measured_and_what_was_not() -> None:
    kept = Stored([make.result("glimpse")])
    seen = page(Known(kept), "/results/run-2/glimpse")
    parts = section(kept.results[0], "model", is_ready=False)
    for row in parts.figures.rows:
        assert all(cell.figure is None or cell.figure.how in seen for cell in row)
    assert all(gap.text in seen for gap in parts.gaps)
    assert "/fleet/results/run-2/glimpse/pictures/id-1" in seen
    assert "2 of 99 are shown" in seen


def test_figures_are_sorted_by_what_became_of_them() -> None:
    kept = two_runs()
    guide = make_guide(kept.results, published(), kept.previous, evidence=kept.evidence)
    first = guide.comparisons[0]
    sorted_ = by_verdict(first.grid)
    assert [name for name, _ in sorted_] == ["Became worse", "Surely the same"]
    assert sum(len(grid.rows) for _, grid in sorted_) == len(first.grid.rows)
    assert by_verdict(changes([])) == by_verdict(Grid()) == []


def test_the_policy_of_the_guide_allows_its_style_and_nothing_else(bad: Stored) -> None:
    guide = make_guide(bad.results, published(), draw=lambda chart: "<svg></svg>")
    text = write(guide, "html")
    shown = with_way_back(text.encode()).decode()
    assert shown.count('href="/results"') == 1
    style = re.findall(r"<style>(.*?)</style>", shown, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    policy = headers_for(text.encode())["content-security-policy"]
    assert f"style-src 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_a_guide_that_is_being_drawn_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewfinder.dashboard.guide.PATIENCE_S", 0.01)
    known = Known(two_runs())
    with client(known) as browser:
        waiting = browser.get("/results/guide")
        assert "being made" in waiting.text
        assert browser.portal is not None
        browser.portal.call(known.draws.set)
        monkeypatch.setattr("viewfinder.dashboard.guide.PATIENCE_S", 60)
        assert browser.get("/results/guide", headers={"hx-request": "true"}).headers["hx-refresh"] == "true"
        assert "<h2>How it was measured</h2>" in browser.get("/results/guide").text


@pytest.mark.parametrize(("form", "begins"), [("md", "# VLM Model"), ("json", "{")])
def test_the_guide_as_a_file(form: str, begins: str) -> None:
    reply = client(Known(two_runs())).get(f"/results/guide.{form}")
    assert reply.headers["content-disposition"] == f'attachment; filename="guide.{form}"'
    assert reply.text.startswith(begins)


async def test_what_takes_long_is_made_once_and_its_error_is_for_who_asks() -> None:
    started: list[int] = []
    goes_wrong = asyncio.Event()

    async def make_it() -> Sequence[int]:
        started.append(1)
        await goes_wrong.wait()
        raise ViewfinderError("No.")

    soon = Soon(make_it)
    assert await soon.within(0) is None
    assert await soon.within(0) is None
    goes_wrong.set()
    with pytest.raises(ViewfinderError):
        await soon.within(60)
    assert len(started) == 1
