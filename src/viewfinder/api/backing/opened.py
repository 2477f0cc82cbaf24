"""All that stands behind the pages, over one fleet; opened by `serving`, and closed before its fleet."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from viewfinder.api.backing.benches import OneBench
from viewfinder.api.backing.known import ListedModels
from viewfinder.api.backing.own_questions import QuestionFolder
from viewfinder.api.backing.pulls import PullQueue
from viewfinder.api.backing.stored_runs import StoredRuns
from viewfinder.core import paths
from viewfinder.core.config import Settings
from viewfinder.core.errors import ViewfinderError
from viewfinder.dashboard.backing import Backing
from viewfinder.fleet.fleet import Fleet
from viewfinder.media.intake import Intake

_log = logging.getLogger(__name__)


async def _nothing() -> None: ...


@dataclass(slots=True)
class Renewal:
    """What is done when new files are here: `look_again` opens the catalog again."""

    look_again: Callable[[], Awaitable[None]] = field(default=_nothing)


@asynccontextmanager
async def open_backing(
    fleet: Fleet, intake: Intake, settings: Callable[[], Settings], renewal: Renewal
) -> AsyncIterator[Backing]:
    """What runs at the end of the block is stopped: a bench can be resumed, and a download, too."""

    async def pulled() -> None:
        try:
            await renewal.look_again()
        except ViewfinderError as error:
            _log.error("What was pulled is not known yet: %s", error)
        models.forget()

    async def measured() -> None:
        models.forget()

    pulls = PullQueue(lambda: fleet.catalog, settings, pulled)
    models = ListedModels(lambda: fleet.catalog, settings, pulls)
    questions = QuestionFolder(paths.questions_folder(), intake)
    bench = OneBench(fleet, settings, pulls, questions, measured)
    try:
        yield Backing(models, pulls, bench, StoredRuns(intake), questions)
    finally:
        await pulls.close()
        await bench.close()
