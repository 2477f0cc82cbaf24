"""A fleet and the folders that go with it; called by everything that starts one."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from viewfinder.catalog.catalog import Catalog
from viewfinder.core import paths
from viewfinder.core.config import Settings
from viewfinder.fleet.fleet import Fleet


@contextmanager
def run_folder() -> Iterator[Path]:
    """The folder of this process's engine sockets; gone afterwards."""
    folder = paths.run_folder()
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError):
            folder.rmdir()


@asynccontextmanager
async def open_fleet(catalog: Catalog, settings: Settings) -> AsyncIterator[Fleet]:
    """The catalog's fleet; every server process of it has ended afterwards."""
    with run_folder() as folder:
        async with Fleet(catalog, settings.engine, run_folder=folder, log_folder=paths.log_folder()) as fleet:
            yield fleet
