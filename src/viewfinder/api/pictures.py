"""The pictures of the guide's charts: inside it, or as files beside it; called by `measuring`.

Where a computer cannot draw, the guide has each chart's words and table.
"""

import logging
from pathlib import Path

from viewfinder.report.charts.chart import Chart
from viewfinder.report.charts.drawing import ChartsUnavailable, png, svg

_log = logging.getLogger(__name__)


class PictureFiles:
    """Writes charts as PNG files into a folder beside a Markdown guide."""

    def __init__(self, guide: Path) -> None:
        self.folder = guide.with_name(f"{guide.stem}-charts")

    def draw(self, chart: Chart) -> str:
        """The file's name, relative to the guide; empty if this computer cannot draw."""
        try:
            picture = png(chart)
        except ChartsUnavailable as error:
            _log.warning("%s", error)
            return ""
        self.folder.mkdir(exist_ok=True)
        file = self.folder / f"{chart.name}.png"
        file.write_bytes(picture)
        return f"{self.folder.name}/{file.name}"


def inline(chart: Chart) -> str:
    """The chart as SVG; empty if this computer cannot draw."""
    try:
        return svg(chart)
    except ChartsUnavailable as error:
        _log.warning("%s", error)
        return ""


def without_picture(chart: Chart) -> str:
    """For a guide that has the charts' tables only."""
    return ""
