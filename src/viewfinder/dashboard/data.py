"""The data of the pages as JSON under /fleet, for programs, too; made by api, which gives it to the gateway.

    GET    /fleet/models                       as `viewfinder models --json`
    GET    /fleet/models/NAME                  all about one
    GET    /fleet/models/NAME/logs?lines=200   the last lines of its log
    GET    /fleet/post-mortems/FILE            what is known of a death
    GET    /fleet/pulls                        downloads; POST starts one
    DELETE /fleet/pulls/NAME                   stops it
    GET    /fleet/bench                        the bench in progress, or the last; POST starts one, DELETE
                                               stops it
    GET    /fleet/questions                    the user's own questions; POST adds a rated answer

`results_data` has those under /fleet/results. The guards of the gateway say who may do what.
"""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from viewfinder.core.errors import BadRequest
from viewfinder.dashboard.backing import Backing, BenchOrder, RatedAnswer
from viewfinder.dashboard.results_data import ResultsData

GivenName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
GivenText = Annotated[str, StringConstraints(max_length=100_000)]
MOST_LINES, USUAL_LINES = 5000, 200
AT_ONCE_BYTES = 64 * 1024
"""A larger body is read in a thread."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class PullRequest(_Body):
    model: GivenName
    variant: GivenName | None = None


class BenchStart(_Body):
    """See `backing.BenchOrder`."""

    models: list[GivenName] = Field(default_factory=list, max_length=200)
    suite: GivenName = "quick"
    own_questions: bool = False
    only: bool = False
    budget: GivenName | None = None
    resume: bool = False


class Rating(_Body):
    """See `backing.RatedAnswer`; `image` is a data URL."""

    image: str
    question: GivenText
    answer: GivenText
    right: bool
    right_answer: GivenText = ""
    model: Annotated[str, StringConstraints(max_length=200)] = ""


B = TypeVar("B", bound=_Body)


def data_routes(backing: Backing) -> list[BaseRoute]:
    """Those of this file and of `results_data`."""
    data, results = Data(backing), ResultsData(backing.results)
    name = "{name:model}"
    return [
        Route("/fleet/models", data.models),
        Route(f"/fleet/models/{name}/logs", data.logs),
        Route(f"/fleet/models/{name}", data.model),
        Route("/fleet/post-mortems/{file}", data.post_mortem),
        Route("/fleet/pulls", data.pulls),
        Route("/fleet/pulls", data.start_pull, methods=["POST"]),
        Route(f"/fleet/pulls/{name}", data.cancel_pull, methods=["DELETE"]),
        Route("/fleet/bench", data.bench),
        Route("/fleet/bench", data.start_bench, methods=["POST"]),
        Route("/fleet/bench", data.stop_bench, methods=["DELETE"]),
        Route("/fleet/questions", data.questions),
        Route("/fleet/questions", data.rate, methods=["POST"]),
        *results.routes(),
    ]


class Data:
    """The handlers; errors become those of the gateway."""

    def __init__(self, backing: Backing) -> None:
        self._backing = backing

    async def models(self, _request: Request) -> Response:
        seen = await self._backing.models.overview()
        lines = [{**asdict(line), "pulling": line.name in seen.pulling} for line in seen.models]
        return JSONResponse({"first": [asdict(one) for one in seen.first], "models": lines})

    async def model(self, request: Request) -> Response:
        one = await self._backing.models.one(request.path_params["name"])
        fields = asdict(one) | {"results": [result._asdict() for result in one.results]}
        return JSONResponse(fields)

    async def logs(self, request: Request) -> Response:
        lines = _number(request, "lines", USUAL_LINES, MOST_LINES)
        shown = await self._backing.models.logs(request.path_params["name"], lines)
        return JSONResponse({"lines": shown})

    async def post_mortem(self, request: Request) -> Response:
        return JSONResponse(await self._backing.models.post_mortem(request.path_params["file"]))

    async def pulls(self, _request: Request) -> Response:
        return JSONResponse({"pulls": [asdict(one) for one in self._backing.pulls.all()]})

    async def start_pull(self, request: Request) -> Response:
        wanted = await read(request, PullRequest)
        return JSONResponse(asdict(await self._backing.pulls.start(wanted.model, wanted.variant)), 202)

    async def cancel_pull(self, request: Request) -> Response:
        return JSONResponse(asdict(await self._backing.pulls.cancel(request.path_params["name"])))

    async def bench(self, _request: Request) -> Response:
        return JSONResponse(asdict(await self._backing.bench.state()))

    async def start_bench(self, request: Request) -> Response:
        wanted = await read(request, BenchStart)
        order = BenchOrder(**{**wanted.model_dump(), "models": tuple(wanted.models)})
        return JSONResponse(asdict(await self._backing.bench.start(order)), 202)

    async def stop_bench(self, _request: Request) -> Response:
        return JSONResponse(asdict(await self._backing.bench.stop()))

    async def questions(self, _request: Request) -> Response:
        return JSONResponse(asdict(await self._backing.questions.kept()))

    async def rate(self, request: Request) -> Response:
        rated = RatedAnswer(**(await read(request, Rating)).model_dump())
        return JSONResponse(asdict(await self._backing.questions.rate(rated)))


async def read(request: Request, kind: type[B]) -> B:
    """The body of a request. Raises BadRequest, which names the field."""
    body = bytes(await request.body())
    try:
        if len(body) > AT_ONCE_BYTES:
            return await asyncio.to_thread(kind.model_validate_json, body)
        return kind.model_validate_json(body)
    except ValidationError as error:
        first: Any = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        fields = ", ".join(kind.model_fields)
        raise BadRequest(
            f"{f'{where}: ' if where else 'The body: '}{first['msg']}.",
            hint=f"Send a JSON object with: {fields}.",
            param=where or None,
        ) from None


def _number(request: Request, name: str, usual: int, most: int) -> int:
    given = request.query_params.get(name, str(usual))
    if not (given.isascii() and given.isdecimal() and len(given) < 9 and 0 < int(given) <= most):
        raise BadRequest(f"{name} is not a number from 1 to {most}.", param=name)
    return int(given)
