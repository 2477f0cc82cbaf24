"""Signing in with a key, and out again: /login and /logout; mounted by `app`.

A plain form, so that it works without scripts.
"""

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from viewfinder.dashboard.render import page
from viewfinder.gateway.sessions import Sessions, end_session, local_path, set_session


class SignIn:
    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions

    async def form(self, request: Request) -> Response:
        """The form; `next` is where to go afterwards."""
        return page(request, "login", next=local_path(request.query_params.get("next", "")), wrong="")

    async def enter(self, request: Request) -> Response:
        """A session for a known key, else the form again."""
        fields = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        key, place = fields.get("key", ""), fields.get("next", "")
        if session := self.sessions.open(key.strip()):
            response = RedirectResponse(local_path(place), 303)
            set_session(response, request, session)
            return response
        wrong = "This is not a key of this server. `viewfinder keys` on its computer lists their names."
        return page(request, "login", status=401, next=local_path(place), wrong=wrong)

    async def leave(self, request: Request) -> Response:
        """The end of a session in this browser."""
        response = RedirectResponse("/login", 303)
        end_session(response)
        return response
