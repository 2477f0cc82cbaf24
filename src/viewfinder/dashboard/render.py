"""A page from its template, with the headers that every page has; called by the pages of this room."""

import functools
import time
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from viewfinder.core.version import VERSION
from viewfinder.dashboard.timeline import ago
from viewfinder.fleet.record.sentences import span
from viewfinder.gateway.sender import KEY_OWNER
from viewfinder.gateway.sessions import IS_ADMIN, set_token, token_of
from viewfinder.host.output import visible
from viewfinder.report.formats.html import GUIDE_TEMPLATES

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"

PAGE_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
    "vary": "Accept, Cookie",
}
"""Of every page: what it runs, shows and asks comes from this server, and no other page may frame it."""


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """The template as a whole page; all values are escaped as text."""
    token = token_of(request)
    html = (
        _templates()
        .get_template(f"{template}.html.j2")
        .render(
            here=request.url.path,
            version=VERSION,
            token=token,
            owner=request.scope.get(KEY_OWNER, ""),
            is_admin=request.scope.get(IS_ADMIN, True),
            **values,
        )
    )
    response = HTMLResponse(html, status, PAGE_HEADERS)
    set_token(response, request, token)
    return response


@functools.cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader([TEMPLATES, GUIDE_TEMPLATES]),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        shown=shown, gigabytes=gigabytes, seconds=seconds, moment=moment, span=span, ago=ago
    )
    return environment


def shown(text: object) -> str:
    """Text from outside on one line, its control characters spelled out."""
    return " ".join(map(visible, str(text).splitlines()))


def gigabytes(size_bytes: float | None) -> str:
    """A size as a person reads it; empty when it is not known."""
    if size_bytes is None:
        return ""
    for unit, power in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(size_bytes) >= power:
            return f"{size_bytes / power:.3g} {unit}"
    return f"{size_bytes:.0f} bytes"


def seconds(duration_s: float | None) -> str:
    """A duration as a person reads it; empty when there is none."""
    if duration_s is None:
        return ""
    if duration_s < 1:
        return f"{duration_s * 1000:.0f} ms"
    if duration_s < 120:
        return f"{duration_s:.3g} s"
    minutes = round(duration_s / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours = round(duration_s / 3600)
    return f"{hours} h" if hours < 48 else f"{round(hours / 24)} days"


def moment(at_s: float) -> str:
    """A wall-clock time in this computer's zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_s))
