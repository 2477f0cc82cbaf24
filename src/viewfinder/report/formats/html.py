"""The guide as one HTML file that needs no network; called by `formats`."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from viewfinder.report.content import Drawing, Guide

GUIDE_TEMPLATES = Path(__file__).parent / "templates"
"""`guide_parts` in it has what other pages show of a guide, too."""
CONTENT = "<main>\n"
"""With this the content of the page begins; only that of the template comes before any text from outside."""


def write(guide: Guide) -> str:
    """The whole guide; all text is escaped, and nothing in it runs."""
    environment = Environment(
        loader=FileSystemLoader(GUIDE_TEMPLATES),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(marked=marked, picture=picture)
    style = Markup((GUIDE_TEMPLATES / "guide.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file
    return environment.get_template("guide.html.j2").render(guide=guide, style=style)


def marked(sentence: str) -> Markup:
    """A sentence of the code's own: `**` encloses bold words, and backticks enclose code."""
    safe = str(escape(sentence))
    safe = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", safe)
    return Markup(re.sub(r"`(.+?)`", r"<code>\1</code>", safe))  # noqa: S704 - escaped above


def picture(drawing: Drawing) -> Markup:
    """A chart's SVG, as `charts` made it; text from outside was escaped there."""
    return Markup(drawing.picture)  # noqa: S704
