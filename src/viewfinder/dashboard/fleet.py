"""The fleet: what runs, what it takes, and what happened; mounted by `app`.

The page is asked again when the stream of the fleet says that something changed, and its parts are replaced.
"""

from itertools import islice

from starlette.requests import Request
from starlette.responses import Response

from viewfinder.core.errors import Forbidden
from viewfinder.dashboard.backing import Backing
from viewfinder.dashboard.post_mortem import post_mortem_of
from viewfinder.dashboard.render import page
from viewfinder.dashboard.timeline import timeline
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.process.states import REST
from viewfinder.fleet.view import ServerView
from viewfinder.gateway.sessions import IS_ADMIN

SHOWN_EVENTS = 20
OLDER_EVENTS = 180
SHOWN_SUSPECTS = 100
EASY_START = "glimpse"
"""What to load first where nothing is loaded: it is in the package."""


class FleetPages:
    def __init__(self, fleet: Fleet, backing: Backing) -> None:
        self.fleet, self.backing = fleet, backing

    async def page(self, request: Request) -> Response:
        """Every server process; for those who may, the answers in doubt and the events, too."""
        view, is_admin = self.fleet.view(), bool(request.scope.get(IS_ADMIN, True))
        recent = reversed(self.fleet.events.recent) if is_admin else ()
        events = timeline(islice(recent, SHOWN_EVENTS + OLDER_EVENTS))
        suspects = self.fleet.answers.suspects()[::-1] if is_admin else []
        return page(
            request,
            "fleet",
            view=view,
            servers=sorted(view.servers, key=_place),
            up=sum(server.state not in REST for server in view.servers),
            easy=EASY_START if EASY_START in self.fleet.catalog.names() else "",
            suspects=suspects[:SHOWN_SUSPECTS],
            suspects_total=len(suspects),
            events=events[:SHOWN_EVENTS],
            older=events[SHOWN_EVENTS:],
        )

    async def post_mortem(self, request: Request) -> Response:
        """What is kept of one death. Raises BadRequest (post_mortem_not_found), Forbidden."""
        if not request.scope.get(IS_ADMIN, True):
            raise Forbidden(
                "Only an admin key opens this page.", hint="Sign in with one.", code="admin_key_required"
            )
        file = str(request.path_params["file"])
        death = post_mortem_of(await self.backing.models.post_mortem(file))
        return page(request, "post_mortem", file=file, death=death)


def _place(server: ServerView) -> tuple[bool, str]:
    """Those that run first, then by name."""
    return server.state in REST, server.model
