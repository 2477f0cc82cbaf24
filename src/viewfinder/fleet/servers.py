"""Makes the server of a card: a process of our own, or our end of one that runs already.

Called by `fleet` and by the bench.
"""

from pathlib import Path

from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import EngineSettings
from viewfinder.fleet.choice import choose_variant
from viewfinder.fleet.remote import RemoteServer
from viewfinder.fleet.server import ServerProcess

Server = ServerProcess | RemoteServer


def make_server(
    card: ModelCard, catalog: Catalog, settings: EngineSettings, *, run_folder: Path, log_folder: Path
) -> Server:
    """The server of the variant that suits this machine, not started yet.

    Raises EngineMissing, ModelFilesError.
    """
    variant, engine = choose_variant(card)
    if variant.server is not None:
        return RemoteServer(card, variant, variant.server)
    return ServerProcess(
        card,
        variant,
        catalog.resolve(variant),
        engine,
        settings,
        run_folder=run_folder,
        log_folder=log_folder,
    )
