"""The fleet: what runs, and what happened; mounted by `app`."""

from starlette.requests import Request
from starlette.responses import Response

from viewfinder.dashboard.backing import Backing
from viewfinder.dashboard.render import page
from viewfinder.fleet.fleet import Fleet


class FleetPages:
    def __init__(self, fleet: Fleet, backing: Backing) -> None:
        self.fleet, self.backing = fleet, backing

    async def page(self, request: Request) -> Response:
        return page(request, "fleet")

    async def post_mortem(self, request: Request) -> Response:
        return page(request, "post_mortem")
