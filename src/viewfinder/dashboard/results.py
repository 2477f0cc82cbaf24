"""The results: the guide, the runs, and measuring; mounted by `app`."""

from starlette.requests import Request
from starlette.responses import Response

from viewfinder.dashboard.backing import Backing
from viewfinder.dashboard.render import page
from viewfinder.fleet.fleet import Fleet


class ResultPages:
    def __init__(self, fleet: Fleet, backing: Backing) -> None:
        self.fleet, self.backing = fleet, backing

    async def all(self, request: Request) -> Response:
        return page(request, "results")

    async def guide(self, request: Request) -> Response:
        return page(request, "guide")

    async def compare(self, request: Request) -> Response:
        return page(request, "compare")

    async def one(self, request: Request) -> Response:
        return page(request, "result")
