"""The stored results as JSON; mounted by `data`.

GET /fleet/results                             every model of every run, the newest run first
GET /fleet/results/guide                       as `viewfinder guide --format json`
GET /fleet/results/compare?before=RUN&after=RUN
GET /fleet/results/RUN/MODEL                   one result, and what was answered wrong
GET /fleet/results/RUN/MODEL/pictures/ID       the picture of a wrong answer
"""

from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from viewfinder.core.errors import BadRequest
from viewfinder.dashboard.backing import OneResult, Results

PICTURE_HEADERS = {"cache-control": "private, max-age=3600", "x-content-type-options": "nosniff"}


class ResultsData:
    def __init__(self, results: Results) -> None:
        self._results = results

    def routes(self) -> list[BaseRoute]:
        one = "/fleet/results/{run}/{name:model}"
        return [
            Route("/fleet/results", self.runs),
            Route("/fleet/results/guide", self.guide),
            Route("/fleet/results/compare", self.compare),
            Route(f"{one}/pictures/{{id}}", self.picture),
            Route(one, self.one),
        ]

    async def runs(self, _request: Request) -> Response:
        return JSONResponse({"results": [one._asdict() for one in await self._results.runs()]})

    async def guide(self, _request: Request) -> Response:
        return JSONResponse((await self._results.guide()).model_dump(mode="json"))

    async def compare(self, request: Request) -> Response:
        before, after = (_run(request, name) for name in ("before", "after"))
        compared = await self._results.compare(before, after)
        return JSONResponse({"models": [one.model_dump(mode="json") for one in compared]})

    async def one(self, request: Request) -> Response:
        run, model = request.path_params["run"], request.path_params["name"]
        return JSONResponse(_as_json(await self._results.one(run, model)))

    async def picture(self, request: Request) -> Response:
        given = request.path_params
        picture = await self._results.picture(given["run"], given["name"], given["id"])
        return Response(picture.content, media_type=picture.media_type, headers=PICTURE_HEADERS)


def picture_path(one: OneResult, id: str) -> str:
    """The address of a wrong answer's picture; empty where there is none."""
    if not id:
        return ""
    run, model = quote(one.result.run, safe=""), quote(one.result.model, safe="")
    return f"/fleet/results/{run}/{model}/pictures/{id}"


def _as_json(one: OneResult) -> dict[str, Any]:
    wrong = [{**asdict(reply), "picture": picture_path(one, reply.picture)} for reply in one.wrong]
    return {"result": dict(one.fields), "wrong": wrong, "wrong_total": one.wrong_total}


def _run(request: Request, name: str) -> str:
    if not (run := request.query_params.get(name, "")):
        raise BadRequest(
            f"The query does not say {name}.",
            hint="GET /fleet/results/compare?before=RUN&after=RUN, with runs of GET /fleet/results.",
            param=name,
        )
    return run
