"""The playground: a picture, a question, an answer; mounted by `app`."""

from starlette.requests import Request
from starlette.responses import Response

from viewfinder.dashboard.backing import Backing
from viewfinder.dashboard.render import page
from viewfinder.fleet.fleet import Fleet


class Playground:
    def __init__(self, fleet: Fleet, backing: Backing) -> None:
        self.fleet, self.backing = fleet, backing

    async def page(self, request: Request) -> Response:
        return page(request, "playground")
