"""The models of other gateways for commands that look once, such as `models`."""

import asyncio
import logging
from collections.abc import Mapping

from viewfinder.api.setup import open_catalog
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.peers import PeerModel, SharedCatalog
from viewfinder.client.chat import ChatClient
from viewfinder.core.config import RunningServer, Settings
from viewfinder.core.errors import ViewfinderError
from viewfinder.fleet.process.peer_server import endpoint_of
from viewfinder.gateway.peers import looked

PATIENCE_FOR_ALL_S = 2.0
_log = logging.getLogger(__name__)


def catalog_with_peers(settings: Settings) -> Catalog:
    """The catalog with the models of all gateways that answer within PATIENCE_FOR_ALL_S; called outside of an
    event loop where the settings name any."""
    catalog = open_catalog(settings)
    peers = {name: one for name, one in settings.endpoints.items() if one.kind == "viewfinder"}
    if peers and isinstance(catalog, SharedCatalog):
        for name, models in asyncio.run(_look_at(peers)).items():
            catalog.show(name, peers[name], models)
    return catalog


async def _look_at(peers: Mapping[str, RunningServer]) -> dict[str, list[PeerModel]]:
    found = await asyncio.gather(*(_models(name, server) for name, server in peers.items()))
    return dict(zip(peers, found, strict=True))


async def _models(name: str, server: RunningServer) -> list[PeerModel]:
    try:
        async with asyncio.timeout(PATIENCE_FOR_ALL_S), ChatClient(endpoint_of(name, server)) as client:
            return (await looked(client, name))[1]
    except TimeoutError:
        _log.warning("The gateway '%s' did not answer in %g s.", name, PATIENCE_FOR_ALL_S)
    except ViewfinderError as error:
        _log.warning("The gateway '%s' cannot be used: %s", name, error)
    return []
