"""Every page of the dashboard, by its address; made by api, which gives it to the gateway's `make_app`."""

from collections.abc import Callable, Sequence

from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

import viewfinder.gateway.models  # noqa: F401 - it registers the converter "model" of addresses
from viewfinder.core.config import Limits
from viewfinder.dashboard.backing import Backing
from viewfinder.dashboard.fleet import FleetPages
from viewfinder.dashboard.models import ModelPages
from viewfinder.dashboard.playground import Playground
from viewfinder.dashboard.problem import not_found, with_problems
from viewfinder.dashboard.render import STATIC
from viewfinder.dashboard.results import ResultPages
from viewfinder.dashboard.sign_in import SignIn
from viewfinder.fleet.fleet import Fleet
from viewfinder.gateway.page_routes import PageRoute
from viewfinder.gateway.sessions import Sessions


class Dashboard:
    """The pages over a fleet; `backing` is what they show beside it, `limits` are those of now."""

    def __init__(self, fleet: Fleet, backing: Backing, limits: Callable[[], Limits] = Limits) -> None:
        self._playground = Playground(fleet, backing, limits)
        self._models = ModelPages(fleet, backing)
        self._fleet = FleetPages(fleet, backing)
        self._results = ResultPages(fleet, backing)
        self._files = StaticFiles(directory=STATIC)

    def pages(self, sessions: Sessions) -> Sequence[BaseRoute]:
        """The pages; an address of the API is a page only for a browser that opens it."""
        sign_in = SignIn(sessions)
        pages = {
            "/": self._playground.page,
            "/models": self._models.all,
            "/models/{name:model}": self._models.one,
            "/fleet": self._fleet.page,
            "/fleet/post-mortems/{file}": self._fleet.post_mortem,
            "/results": self._results.all,
            "/results/guide": self._results.guides.whole,
            "/results/compare": self._results.compare,
            "/results/{run}/{name:model}": self._results.one,
            "/login": sign_in.form,
        }
        return [
            *(PageRoute(address, with_problems(show)) for address, show in pages.items()),
            Route("/results/guide.md", with_problems(self._results.guides.markdown)),
            Route("/results/guide.json", with_problems(self._results.guides.json)),
            Route("/login", sign_in.enter, methods=["POST"]),
            Route("/logout", sign_in.leave, methods=["POST"]),
            Mount("/static", self._files),
        ]

    def otherwise(self) -> Sequence[BaseRoute]:
        """Where nothing else is."""
        return [PageRoute("/{path:path}", not_found)]
