"""What the guide says of a model, without making anybody wait for the guide; used by `models`."""

import asyncio
import math
import time

from viewfinder.core.errors import ViewfinderError
from viewfinder.dashboard.backing import Results
from viewfinder.fleet.listing import ModelLine
from viewfinder.report.content import Grid, Guide, ModelSection

GUIDE_PATIENCE_S = 0.1
"""How long a page waits for the guide. A guide that takes longer is there at the next look."""

GUIDE_FRESH_S = 10.0
"""How long it may be shown again: an open page asks with each event of the fleet."""


class GuideAtHand:
    """The newest guide that is ready."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self._making: asyncio.Task[Guide] | None = None
        self._last: Guide | None = None
        self._made_s = -math.inf

    @property
    def is_coming(self) -> bool:
        """Whether it is being made, so that another look is worth it."""
        return self._making is not None

    async def get(self) -> Guide | None:
        """The guide, or the one before it, or None while there is none yet; a few seconds old at most."""
        if self._making is None and time.monotonic() - self._made_s < GUIDE_FRESH_S:
            return self._last
        making = self._making = self._making or asyncio.create_task(self._results.guide(), name="guide")
        await asyncio.wait([making], timeout=GUIDE_PATIENCE_S)
        if making.done():
            self._making, self._made_s = None, time.monotonic()
            try:
                self._last = making.result()
            except (ViewfinderError, asyncio.CancelledError):  # nothing was measured, for example
                self._last = None
        return self._last

    def figures(self, line: ModelLine) -> Grid | None:
        """The main figures of a model, from the guide that `get` last returned."""
        section = section_of(self._last, line)
        return section.figures if section else None


def section_of(guide: Guide | None, line: ModelLine) -> ModelSection | None:
    """The section about the variant of this line."""
    label = f"{line.title} ({line.variant})"  # as `report/facts.label`
    return next((one for one in guide.models if one.label == label), None) if guide else None


def sentence_about(guide: Guide | None, line: ModelLine) -> str:
    """What the guide recommends the model for, with its figures, and why it has its status; may be empty."""
    section = section_of(guide, line)
    if guide is None or section is None:
        return ""
    names = (f"{section.label}: ", f"{line.title}: ")
    praise = [
        f"{one.about}: {one.text.removeprefix(name)}"
        for one in guide.recommendations
        for name in names
        if one.text.startswith(name)
    ]
    return "; ".join((*praise[:1], *section.reasons[:1]))
