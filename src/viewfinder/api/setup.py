"""Sets up the catalog, a fleet and their folders from the settings; called by the other modules of api."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from viewfinder.api.measured import measured_here
from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.uncarded import is_reference
from viewfinder.core import paths
from viewfinder.core.config import Settings
from viewfinder.core.errors import UnknownModel
from viewfinder.engines.registry import engines
from viewfinder.fleet.fleet import Fleet
from viewfinder.host.leftovers import sweep
from viewfinder.host.ownership import claim, give_up


def open_catalog(settings: Settings) -> Catalog:
    """The built-in cards and the user's models, with the variants that the user chose and the pulled files.

    Raises BadRequest or UnknownModel when a setting names a model or variant that does not exist.
    """
    return Catalog(
        settings.models,
        settings.endpoints,
        folder_engines=[name for name, engine in engines().items() if engine.loads_folder],
        wanted=settings.variants,
        lock_file=paths.pulled_file(),
    )


def card_of(catalog: Catalog, name: str) -> ModelCard:
    """The card of a model that the user named: by its name, `hf:owner/name`, or a file or folder.

    Never called with a name from a request. Raises UnknownModel, BadRequest, FilesMissing, ModelFilesError.
    """
    try:
        return catalog.get(name)
    except UnknownModel:
        if is_reference(name):
            return catalog.add(name)
        raise


def known_as(catalog: Catalog, card: ModelCard, name: str) -> str:
    """The name by which the fleet knows the card that the user named.

    The id of a repository stays as it is: it limits the choice to the variants of that repository.
    """
    return card.name if catalog.was_added(card) else name


@contextmanager
def own_folders() -> Iterator[paths.Folders]:
    """This process's folders; the one with its engines' sockets is removed afterwards.

    Processes and folders that a killed Viewfinder left behind are cleaned up first.
    """
    sweep(paths.home())
    folders = paths.folders()
    claim(folders.run)
    try:
        yield folders
    finally:
        give_up(folders.run)


@asynccontextmanager
async def open_fleet(catalog: Catalog, settings: Settings) -> AsyncIterator[Fleet]:
    """The catalog's fleet; all its server processes have stopped afterwards."""
    with own_folders() as folders:
        async with Fleet(catalog, settings, folders, measured=measured_here()) as fleet:
            yield fleet
