"""Makes the server of a variant: a process of our own, or our end of one that runs already.

Called by `fleet` and by the bench.
"""

from pathlib import Path

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import EngineSettings
from viewfinder.engines.base import Engine
from viewfinder.fleet.remote import RemoteServer
from viewfinder.fleet.server import ServerProcess

Server = ServerProcess | RemoteServer


def make_server(
    card: ModelCard,
    variant: Variant,
    engine: Engine,
    catalog: Catalog,
    settings: EngineSettings,
    *,
    run_folder: Path,
    log_folder: Path,
) -> Server:
    """The server of one variant, not started yet. Raises ModelFilesError."""
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
