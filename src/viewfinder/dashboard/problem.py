"""What a browser sees of an error: a page with what happened and the way out; called by `app`."""

import functools
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from viewfinder.core.errors import ViewfinderError
from viewfinder.dashboard.render import page
from viewfinder.gateway.problems import status_and_type

PageEndpoint = Callable[[Request], Awaitable[Response]]


def with_problems(show: PageEndpoint) -> PageEndpoint:
    """The page, or what went wrong with it."""

    @functools.wraps(show)
    async def shown(request: Request) -> Response:
        try:
            return await show(request)
        except ViewfinderError as error:
            status, _ = status_and_type(error)
            return problem(request, "That did not work", error.message, error.hint, status)

    return shown


async def not_found(request: Request) -> Response:
    """Any address at which there is no page."""
    return problem(
        request,
        "There is no such page",
        f"Nothing is at {request.url.path[:200]}.",
        "The API is under /v1, its description at /openapi.json.",
        404,
    )


def problem(request: Request, title: str, message: str, hint: str, status: int) -> Response:
    return page(request, "problem", status=status, title=title, message=message, hint=hint)
