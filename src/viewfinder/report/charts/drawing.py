"""Turns a chart into a picture, by the Vega of `vl_convert`; called by `document`.

The library brings its own JavaScript engine and fonts: no browser and no network is needed, and an address in
a chart would be refused. It is imported at the first picture, because it takes a third of a second to start.
"""

import re
from typing import NamedTuple
from xml.sax.saxutils import escape

from viewfinder.core.errors import ViewfinderError
from viewfinder.report.charts.chart import Chart

VEGA_LITE = "6.1"
"""The version of its language in which altair 6 writes; later ones read it, too."""
_HEAD = re.compile(r'<svg [^>]*?viewBox="0 0 ([\d.]+) ([\d.]+)"[^>]*>')
_TAG, _ROLE = re.compile(r"<[^>]*>"), re.compile(r' (?:role|aria-[a-z]+)="[^"]*"')
"""The picture has one alternative text; its parts have no roles of their own."""
_PAPER, _PRINT = "#ffffff", "#1b1b1b"
_WIDEST = 1.6
"""An inlined chart grows to this many times its natural width; larger, its text would shout."""


class ChartsUnavailable(ViewfinderError):
    """This computer cannot draw; a guide without pictures still has their alternative texts and tables."""

    code = "charts_unavailable"


class _Drawing(NamedTuple):
    """`marks` are the inside of the `<svg>` element."""

    marks: str
    width: float
    height: float


def svg(chart: Chart) -> str:
    """One `<svg>` element for a page, with the alternative text and without scripts, links, fonts or styles:
    a Content-Security-Policy may forbid these. The page's own style makes it no wider than its place. Its ids
    begin with the chart's name.

    Text and axes have the color of the text around it (`currentColor`), so that the page's theme is the
    chart's; there is no background.
    """
    drawing = _draw(chart)
    title, description = (f"{chart.name}-{part}" for part in ("title", "description"))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" '
        f'aria-labelledby="{title} {description}" viewBox="0 0 {drawing.width:g} {drawing.height:g}" '
        f'width="{_WIDEST * drawing.width:.0f}">'
        f'<title id="{title}">{escape(chart.title)}</title>'
        f'<desc id="{description}">{escape(chart.alt)}</desc>'
        f"{drawing.marks}</svg>"
    )


def png(chart: Chart, scale: float = 2) -> bytes:
    """A picture to stand beside Markdown, `scale` times the natural size: dark on white, because a picture
    cannot know the page's theme."""
    drawing = _draw(chart)
    size = f'width="{drawing.width:g}" height="{drawing.height:g}"'
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} color="{_PRINT}">'
        f'<rect {size} fill="{_PAPER}"/>{drawing.marks}</svg>'
    )
    try:
        import vl_convert

        return vl_convert.svg_to_png(picture, scale=scale)
    except Exception as error:
        raise _unavailable(chart, error) from error


def _draw(chart: Chart) -> _Drawing:
    try:
        import vl_convert

        drawn = vl_convert.vegalite_to_svg(dict(chart.spec), vl_version=VEGA_LITE, allowed_base_urls=[])
    except Exception as error:  # what its engine raises has no base class of its own
        raise _unavailable(chart, error) from error
    head = _HEAD.match(drawn)
    if head is None:
        raise _unavailable(chart, ValueError(f"Vega's answer begins with {drawn[:80]!r}"))
    width, height = map(float, head.groups())
    marks = _TAG.sub(lambda tag: _ROLE.sub("", tag.group()), drawn[head.end() :].removesuffix("</svg>"))
    return _Drawing(marks, width, height)


def _unavailable(chart: Chart, error: Exception) -> ChartsUnavailable:
    return ChartsUnavailable(
        f"The chart {chart.name!r} could not be drawn: {error}.",
        hint="Run `pip install --force-reinstall vl-convert-python`; without it the guide has tables only.",
    )
