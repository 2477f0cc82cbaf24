"""The JSON under /fleet: what is wrong with a request is told in the gateway's words."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from filelock import FileLock
from starlette.routing import Match, Route

from viewfinder.api.backing.opened import Renewal, open_backing
from viewfinder.api.serving import _Service
from viewfinder.api.setup import open_catalog, open_fleet
from viewfinder.core import paths
from viewfinder.core.config import Settings
from viewfinder.dashboard.backing import Backing
from viewfinder.dashboard.data import data_routes
from viewfinder.gateway.kept import KeptTurns
from viewfinder.gateway.keys import KeyFile
from viewfinder.media.intake import Intake

DOCS = Path(__file__).parents[2] / "docs" / "fleet.md"


@pytest.fixture
async def service() -> AsyncIterator[_Service]:
    settings = Settings()
    async with (
        open_fleet(open_catalog(settings), settings) as fleet,
        Intake(settings.limits) as intake,
        open_backing(fleet, intake, lambda: settings, Renewal()) as backing,
    ):
        keys, kept = KeyFile(paths.keys_file()), KeptTurns.nothing()
        yield _Service(fleet, intake, settings, keys, kept, otherwise=data_routes(backing))


@pytest.fixture
async def http(service: _Service) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(service.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/fleet/pulls", b"not json", None),
        ("/fleet/pulls", b"[]", None),
        ("/fleet/pulls", b"{}", "model"),
        ("/fleet/pulls", b'{"model": 7}', "model"),
        ("/fleet/pulls", b'{"model": ""}', "model"),
        ("/fleet/pulls", b'{"model": "glimpse", "path": "/"}', "path"),
        ("/fleet/pulls", b'{"model": "glimpse", "variant": "none"}', "variant"),
        ("/fleet/bench", b'{"models": "glimpse"}', "models"),
        ("/fleet/bench", b'{"suite": "endless"}', "suite"),
        ("/fleet/bench", b'{"budget": "soon"}', "budget"),
        ("/fleet/bench", b'{"resume": true, "models": ["glimpse"]}', "resume"),
        ("/fleet/bench", b'{"only": true}', "own_questions"),
        ("/fleet/questions", b'{"question": "What?"}', "image"),
        ("/fleet/questions", b'{"image": "x", "question": "\\ud800", "answer": "", "right": true}', None),
    ],
)
async def test_what_is_wrong_with_a_request(
    http: httpx2.AsyncClient, path: str, body: bytes, param: str | None
) -> None:
    answer = await http.post(path, content=body, headers={"content-type": "application/json"})
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert "Traceback" not in error["message"]
    assert "pydantic" not in error["message"]


async def test_the_lists_of_a_new_home(http: httpx2.AsyncClient) -> None:
    async def get(path: str) -> Any:
        return (await http.get(path)).json()

    listed = await get("/fleet/models")
    assert "glimpse" in [one["name"] for one in listed["models"]]
    assert listed["first"][0]["command"].startswith("viewfinder ")
    one = await get("/fleet/models/glimpse")
    assert (one["line"]["name"], one["variants"][0]["chosen"], one["results"]) == ("glimpse", True, [])
    assert await get("/fleet/results") == {"results": []}
    assert await get("/fleet/pulls") == {"pulls": []}
    assert (await get("/fleet/bench"))["status"] == "none"


async def test_a_bench_elsewhere_is_seen_and_none_is_started_beside_it(
    http: httpx2.AsyncClient, home: Path
) -> None:
    (home / "bench-20261129T000000Z-killed.lock").touch()  # left by a run that was killed
    assert (await http.get("/fleet/bench")).json()["elsewhere"] == ""
    with FileLock(home / "bench-20261130T000000Z-aaaaaa.lock"):
        assert (await http.get("/fleet/bench")).json()["elsewhere"] == "20261130T000000Z-aaaaaa"
        answer = await http.post("/fleet/bench", json={"models": ["glimpse"]})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (409, "bench_running")
    assert "20261130T000000Z-aaaaaa" in error["message"]
    assert "Wait until it has finished." in error["message"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/fleet/models/nonesuch", "model_not_found"),
        ("/fleet/models/nonesuch/logs", "model_not_found"),
        ("/fleet/models/glimpse/logs", "no_log"),
        ("/fleet/results/guide", "no_results"),
        ("/fleet/results/compare?before=a&after=b", "run_not_found"),
        ("/fleet/results/20261130T000000Z-aaaaaa/glimpse", "run_not_found"),
        ("/fleet/results/x/glimpse/pictures/..%2F..%2Fkeys.json", "run_not_found"),
        ("/fleet/post-mortems/nonesuch.json", "post_mortem_not_found"),
        ("/fleet/post-mortems/..%2Fevents.jsonl", "not_found"),
        ("/fleet/post-mortems/.new", "post_mortem_not_found"),
    ],
)
async def test_what_is_not_there(http: httpx2.AsyncClient, path: str, code: str) -> None:
    answer = await http.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, code)


async def test_logs_and_post_mortems(http: httpx2.AsyncClient, home: Path) -> None:
    (home / "logs" / "deaths").mkdir(parents=True)
    (home / "logs" / "glimpse.log").write_bytes(b"one\ntwo \x1b[31mred\nthree\n")
    (home / "logs" / "deaths" / "glimpse-1.json").write_text('{"model": "glimpse", "reason": "it died"}')
    (home / "logs" / "deaths" / "other-1.json").symlink_to(home / "nowhere")
    lines = (await http.get("/fleet/models/glimpse/logs?lines=2")).json()["lines"]
    assert lines == ["two \\x1b[31mred", "three"]
    for given in ("0", "-1", "x", "9" * 30, "²"):
        assert (await http.get("/fleet/models/glimpse/logs", params={"lines": given})).status_code == 400
    assert (await http.get("/fleet/post-mortems/glimpse-1.json")).json()["reason"] == "it died"
    assert (await http.get("/fleet/post-mortems/other-1.json")).status_code == 404


def test_every_address_of_the_documentation_is_one() -> None:
    nothing: list[Any] = [None] * 5
    routes = [route for route in data_routes(Backing(*nothing)) if isinstance(route, Route)]
    text = DOCS.read_text().replace("\\\n", " ")
    said = re.findall(r"curl ((?:[^$#]|\$JSON)*?)\"?\$FLEET(/[^\s\"#?]*)", text)
    methods = [
        ("DELETE" if "-X DELETE" in words else "POST" if " -d " in words else "GET", f"/fleet{path}")
        for words, path in said
    ]
    assert len(methods) > 12
    for method, path in methods:
        scope = {"type": "http", "method": method, "path": path, "headers": []}
        assert any(route.matches(scope)[0] is Match.FULL for route in routes), (method, path)
    documented = {path.partition("/fleet/")[2].partition("/")[0] for _, path in methods}
    assert documented == {route.path.split("/")[2] for route in routes}
