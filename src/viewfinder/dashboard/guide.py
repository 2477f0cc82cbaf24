"""The guide: the whole page with its charts, and its other formats as files; mounted by `app`."""

import asyncio
import hashlib
from base64 import b64encode

from starlette.requests import Request
from starlette.responses import Response

from viewfinder.dashboard.backing import Results
from viewfinder.dashboard.render import PAGE_HEADERS, page
from viewfinder.dashboard.soon import Soon
from viewfinder.report.formats import Format, write
from viewfinder.report.formats.html import CONTENT

PATIENCE_S = 1.0
"""A guide that takes longer to draw is announced by a page that asks again."""
_WAY_BACK = (
    '<nav class="soft" aria-label="Viewfinder"><a href="/results">Back to the results</a> · '
    'Download: <a href="/results/guide.md" download>Markdown</a>, '
    '<a href="/results/guide.json" download>JSON</a></nav>\n'
)
_MEDIA_TYPES: dict[Format, str] = {"md": "text/markdown", "json": "application/json", "html": "text/html"}


class GuidePages:
    def __init__(self, results: Results) -> None:
        self._results = results
        self._drawn = Soon(results.guide_page)

    async def whole(self, request: Request) -> Response:
        """The guide as the file that `viewfinder guide` writes, with a way back."""
        drawn = await self._drawn.within(PATIENCE_S)
        if drawn is None:
            return page(request, "making_guide")
        if "hx-request" in request.headers:
            return reload()
        return Response(with_way_back(drawn), 200, headers_for(drawn), "text/html")

    async def markdown(self, request: Request) -> Response:
        return await self._file("md")

    async def json(self, request: Request) -> Response:
        return await self._file("json")

    async def _file(self, form: Format) -> Response:
        guide = await self._results.guide()
        text = await asyncio.to_thread(write, guide, form)
        headers = PAGE_HEADERS | {"content-disposition": f'attachment; filename="guide.{form}"'}
        return Response(text, 200, headers, _MEDIA_TYPES[form])


def reload() -> Response:
    """For a part of a page that asks again by htmx: the whole page is to be loaded again."""
    return Response(None, 204, PAGE_HEADERS | {"hx-refresh": "true"})


def with_way_back(guide: bytes) -> bytes:
    begins = CONTENT.encode()
    return guide.replace(begins, begins + _WAY_BACK.encode(), 1)


def headers_for(guide: bytes) -> dict[str, str]:
    """A policy that allows the guide's own style, by its hash, and no script at all."""
    style = guide.partition(b"<style>")[2].partition(b"</style>")[0]
    digest = b64encode(hashlib.sha256(style).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    )
    return PAGE_HEADERS | {"content-security-policy": policy}
