"""deploy/grafana.json shows what a running gateway exports: each query has an answer, each metric a panel."""

import json
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.gateway.conftest import Gateway
from viewfinder.gateway.metrics import COUNTED

BOARD = json.loads((Path(__file__).parents[2] / "deploy" / "grafana.json").read_text())
Labels = dict[str, set[str]]
"""The names of the labels of each exported series."""

IN_PARENTHESES = re.compile(r"\b(?:by|on|group_left|without)\s*\(([^)]*)\)")
SELECTED = re.compile(r"(viewfinder_\w+)(?:\{([^}]*)\})?")


def queries() -> Iterator[str]:
    for panel in BOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    for variable in BOARD["templating"]["list"]:
        yield from [variable["definition"]] if variable["type"] == "query" else []


@pytest.fixture
async def exported(start: Callable[..., Awaitable[Gateway]]) -> Labels:
    """After one request and one event of every kind."""
    gateway = await start(api_key="key")
    gateway.http.headers["authorization"] = "Bearer key"
    async with gateway.post("hello") as reply:
        assert reply.status == 200
    events = gateway.fleet.events
    for kind in COUNTED:
        events.emit(kind, "both", ready_s=1.0)
    events.emit("suspect", "both", answers=["one"])
    events.refusals.add("queue_full", "both")
    gateway.fleet.view_of = with_all_values(gateway.fleet.view_of)
    async with gateway.http.get(f"{gateway.url}/metrics") as reply:
        text = await reply.text()
    labels: Labels = defaultdict(set)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                labels[sample.name] |= {*sample.labels}
    return labels


def with_all_values(view_of: Callable[[str], Any]) -> Callable[[str], Any]:
    """Of a server process of which everything is known."""
    from dataclasses import replace

    return lambda model: replace(view_of(model), need_bytes=1)


def is_shown(series: str) -> bool:
    """A histogram has three series, of which the buckets say the most."""
    base = re.sub(r"_(sum|count)$", "", series)
    return any(re.search(rf"\b(?:{series}|{base}_bucket)\b", query) for query in queries())


async def test_every_query_has_an_answer(exported: Labels) -> None:
    assert len([*queries()]) > 20
    for query in queries():
        selected = SELECTED.findall(query)
        assert selected, query
        for name, matchers in selected:
            assert name in exported, f"{name} is not exported: {query}"
            used = {one.strip() for one in re.findall(r"(\w+)\s*[=!]~?", matchers)}
            assert used <= exported[name], query
        grouped = {one.strip() for names in IN_PARENTHESES.findall(query) for one in names.split(",")}
        assert grouped <= set().union(*(exported[name] for name, _ in selected)), query


async def test_every_legend_is_of_a_label_that_is_left() -> None:
    for panel in BOARD["panels"]:
        for target in panel.get("targets", ()):
            shown = {*re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])}
            if grouped := IN_PARENTHESES.findall(target["expr"]):
                left = {one.strip() for names in grouped for one in names.split(",")}
                assert shown <= left, target


async def test_every_metric_is_on_the_board(exported: Labels) -> None:
    ours = {series for series in exported if series.startswith("viewfinder_")}
    assert [series for series in sorted(ours) if not is_shown(series)] == []


def test_panels_have_their_own_ids_and_overlap_nowhere() -> None:
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    taken = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
