"""The catalog, a fleet and the folders that go with them; called by everything that starts one."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from viewfinder.api.measured import measured_here
from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.uncarded import is_reference
from viewfinder.core import paths
from viewfinder.core.config import Settings
from viewfinder.core.errors import UnknownModel
from viewfinder.fleet.fleet import Fleet
from viewfinder.host.leftovers import sweep
from viewfinder.host.ownership import claim, give_up


def open_catalog(settings: Settings) -> Catalog:
    """The built-in cards and the user's models, with the variants that the user wants and what was pulled.

    Raises BadRequest or UnknownModel when a setting names what there is not.
    """
    record = paths.pulled_file()
    return Catalog(settings.models, settings.endpoints, wanted=settings.variants, lock_file=record)


def card_of(catalog: Catalog, words: str) -> ModelCard:
    """The card that a person means: by its name, by `hf:owner/name`, or by a file or folder.

    Never for the words of a request. Raises UnknownModel, BadRequest, FilesMissing, ModelFilesError.
    """
    try:
        return catalog.get(words)
    except UnknownModel:
        if is_reference(words):
            return catalog.add(words)
        raise


def known_as(catalog: Catalog, card: ModelCard, words: str) -> str:
    """What the fleet calls the card that `words` mean.

    The id of a repository stays as it is: it leaves the variants of that repository to choose from.
    """
    return card.name if catalog.was_added(card) else words


@contextmanager
def own_folders() -> Iterator[paths.Folders]:
    """This process's folders; that of its engines' sockets is gone afterwards.

    What a Viewfinder that was killed left behind is ended and removed first.
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
    """The catalog's fleet; every server process of it has ended afterwards."""
    with own_folders() as folders:
        async with Fleet(catalog, settings, folders, measured=measured_here()) as fleet:
            yield fleet
