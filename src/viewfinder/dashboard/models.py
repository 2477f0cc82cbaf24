"""The models: what is here, what fits, what can be pulled; mounted by `app`."""

from starlette.requests import Request
from starlette.responses import Response

from viewfinder.dashboard.backing import Backing
from viewfinder.dashboard.render import page
from viewfinder.fleet.fleet import Fleet


class ModelPages:
    def __init__(self, fleet: Fleet, backing: Backing) -> None:
        self.fleet, self.backing = fleet, backing

    async def all(self, request: Request) -> Response:
        return page(request, "models")

    async def one(self, request: Request) -> Response:
        return page(request, "model")
