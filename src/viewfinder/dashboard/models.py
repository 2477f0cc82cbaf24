"""The models: what is here, what fits, what can be pulled, and all about one; mounted by `app`."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from viewfinder.core.errors import ViewfinderError
from viewfinder.dashboard.backing import Backing, PullLine
from viewfinder.dashboard.guide_at_hand import GuideAtHand, sentence_about
from viewfinder.dashboard.model_rows import ModelFilter, model_rows, row_of
from viewfinder.dashboard.render import page
from viewfinder.dashboard.timeline import local
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.view import ServerView
from viewfinder.gateway.sessions import IS_ADMIN

LOG_LINES = 200
SHOWN_RESULTS = 10
SHOWN_PULLS = 5
"""Of those that ended."""


class ModelPages:
    def __init__(self, fleet: Fleet, backing: Backing) -> None:
        self.fleet, self.backing = fleet, backing
        self._guide = GuideAtHand(backing.results)

    async def all(self, request: Request) -> Response:
        """All models, or those that the form asks for."""
        overview, asked = await self.backing.models.overview(), ModelFilter.of(request.query_params)
        is_measured = any(line.measured for line in overview.models)
        guide = await self._guide.get() if is_measured else None
        rows = model_rows(overview.models, self._servers(), overview.pulling)
        shown = [row for row in rows if asked.has(row)]
        response = page(
            request,
            "models",
            first=overview.first,
            rows={row.name: row for row in rows},
            present=[row for row in shown if row.line.here],
            others=[row for row in shown if not row.line.here and not row.line.replaced_by],
            older=[row for row in shown if not row.line.here and row.line.replaced_by],
            total=len(rows),
            some_fits=any(row.line.fits for row in rows),
            asked=asked,
            sentences={row.name: sentence_about(guide, row.line) for row in shown} if guide else {},
            is_guide_coming=is_measured and self._guide.is_coming,
            **self._pulls(request),
        )
        return self._with_news(request, response)

    async def one(self, request: Request) -> Response:
        """All about one model, by any of its names. Raises UnknownModel."""
        one = await self.backing.models.one(str(request.path_params["name"]))
        is_admin = bool(request.scope.get(IS_ADMIN, True))
        row = row_of(one.line, self._servers(), (one.line.name,) if one.is_pulling else ())
        guide = await self._guide.get() if one.line.measured else None
        response = page(
            request,
            "model",
            row=row,
            line=one.line,
            details=one.details,
            variants=one.variants,
            results=[(result, local(result.started_at)) for result in one.results[:SHOWN_RESULTS]],
            sentence=sentence_about(guide, one.line),
            figures=self._guide.figures(one.line),
            is_guide_coming=bool(one.line.measured) and self._guide.is_coming,
            log=await self._log(one.line.name) if is_admin and _wants(request, "log") else None,
            root=str(request.base_url).rstrip("/"),
            **self._pulls(request, one.line.name),
        )
        return self._with_news(request, response)

    def _servers(self) -> dict[str, ServerView]:
        """The server process of each model; of several, one that runs."""
        servers: dict[str, ServerView] = {}
        for server in self.fleet.view().servers:
            if server.model not in servers or server.pid is not None:
                servers[server.model] = server
        return servers

    def _pulls(self, request: Request, model: str = "") -> dict[str, Any]:
        """The downloads that a page shows: those that run or wait, and the last ones that ended."""
        if not request.scope.get(IS_ADMIN, True):
            return {"pulls": [], "ended": [], "running": 0}
        lines = [line for line in self.backing.pulls.all() if model in ("", line.model)]
        running = [line for line in lines if not line.is_over]
        ended = _last_of_each([line for line in lines if line.is_over], {line.model for line in running})
        return {"pulls": running, "ended": ended[:SHOWN_PULLS], "running": len(running)}

    def _with_news(self, request: Request, response: Response) -> Response:
        """Let an open page refresh all of itself once a download has begun or ended since it last looked."""
        seen = request.query_params.get("running", "")
        running = sum(not line.is_over for line in self.backing.pulls.all())
        if seen.isdecimal() and request.scope.get(IS_ADMIN, True) and int(seen) != running:
            response.headers["hx-trigger-after-swap"] = "refresh"
        return response

    async def _log(self, model: str) -> tuple[str, ...]:
        try:
            return await self.backing.models.logs(model, LOG_LINES)
        except ViewfinderError:  # it was never started here
            return ()


def _last_of_each(ended: list[PullLine], but: set[str]) -> list[PullLine]:
    """The newest of each model; none of those that are being pulled again."""
    last: dict[str, PullLine] = {}
    for line in ended:
        if line.model not in but:
            last.setdefault(line.model, line)
    return list(last.values())


def _wants(request: Request, part: str) -> bool:
    """Whether this part of the page will be shown: a page that refreshes itself asks for one at a time."""
    return "hx-request" not in request.headers or request.headers.get("hx-target") == part
