"""The guide as Markdown, HTML or JSON, all from one `content.Guide`; called by `api`."""

from collections.abc import Callable
from typing import Literal, get_args

from viewfinder.report.content import Guide
from viewfinder.report.formats import html, markdown

Format = Literal["md", "html", "json"]
GUIDE_FORMATS: tuple[Format, ...] = get_args(Format)
_WRITERS: dict[Format, Callable[[Guide], str]] = {
    "md": markdown.write,
    "html": html.write,
    "json": lambda guide: guide.model_dump_json(indent=2) + "\n",
}


def write(guide: Guide, form: Format) -> str:
    """The whole guide as text."""
    return _WRITERS[form](guide)
