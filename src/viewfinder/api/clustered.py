"""`serve --ray`: the fleet of a gateway whose models run on the nodes of a Ray cluster; and the same
application for a configuration file of Ray Serve (`deploy/serve.yaml`)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic import BaseModel, ConfigDict

from viewfinder.api.measured import measured_here
from viewfinder.api.setup import card_of, check_settings, open_catalog, open_fleet, own_folders
from viewfinder.catalog.catalog import Catalog, is_here
from viewfinder.catalog.hashes import Hashes
from viewfinder.cluster.installed import require_ray
from viewfinder.cluster.messages import KnownFiles
from viewfinder.cluster.node_files import known_files
from viewfinder.core import paths
from viewfinder.core.config import Settings, load_settings
from viewfinder.core.errors import ViewfinderError
from viewfinder.fleet.choice import choose_variant
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.health.profile import PROFILES, Profiles, need_bytes


@asynccontextmanager
async def open_node(settings: Settings, names: tuple[str, ...]) -> AsyncIterator[Fleet]:
    """The fleet of one node; called on it. `names` are the models that the user named."""
    catalog = open_catalog(settings)
    for name in names:
        card_of(catalog, name)
    check_settings(catalog, settings)
    async with open_fleet(catalog, settings) as fleet:
        yield fleet


@asynccontextmanager
async def open_cluster(
    catalog: Catalog, settings: Settings, *, names: tuple[str, ...], address: str
) -> AsyncIterator[Fleet]:
    """The gateway's fleet, over the replicas of the cluster. Raises EngineMissing without Ray, and
    ViewfinderError where no cluster answers or it cannot run the replicas."""
    require_ray()
    from viewfinder.cluster.deployment import connected, deployed
    from viewfinder.cluster.fleet import ClusterFleet

    memory_bytes = sum(_need_bytes(catalog, settings, name) for name in names)
    named = await asyncio.to_thread(_named, catalog, settings, names)
    async with (
        connected(address),
        deployed(for_nodes(catalog, settings), named, open_node, memory_bytes) as (cluster, application),
    ):

        async def redeploy(catalog: Catalog, settings: Settings) -> None:
            await application.deploy(for_nodes(catalog, settings))

        with own_folders() as folders:
            async with ClusterFleet(
                catalog,
                settings,
                folders,
                measured=measured_here(),
                replicas=cluster.replicas,
                board=cluster.board,
                gateway=cluster.gateway,
                slots=cluster.slots,
                redeploy=redeploy,
            ) as fleet:
                fleet.begin()
                yield fleet


class ServeArguments(BaseModel):
    """`args` of the application in a configuration file of Serve: the models that every replica loads at
    once, and settings as in viewfinder.toml, which override those of the node that builds it."""

    model_config = ConfigDict(extra="forbid")

    models: list[str] = []
    settings: dict[str, Any] = {}


def application(args: ServeArguments) -> Any:
    """What `serve --ray` deploys, for `import_path` in a configuration file of Serve, which calls it on a
    node. Raises what `serve --ray` raises for models and settings that are not valid."""
    from viewfinder.cluster.deployment import OF_CONFIG, Application

    settings, names = load_settings(**args.settings), tuple(args.models)
    catalog = open_catalog(settings)
    memory_bytes = sum(_need_bytes(catalog, settings, name) for name in names)
    check_settings(catalog, settings)
    made = Application(_named(catalog, settings, names), open_node, memory_bytes)
    return made.bound(for_nodes(catalog, settings), OF_CONFIG)


def for_nodes(catalog: Catalog, settings: Settings) -> Settings:
    """The settings of the nodes: each runs the variants that suit this computer, so that all answer alike."""
    measured, chosen = measured_here(), {}
    for card in map(catalog.get, catalog.names()):
        if any(map(is_here, card.variants)) and not any(one.server for one in card.variants):
            with contextlib.suppress(ViewfinderError):  # none runs here
                chosen[card.name] = choose_variant(card, measured, settings.fleet)[0].name
    return settings.model_copy(update={"variants": {**chosen, **settings.variants}})


def _named(catalog: Catalog, settings: Settings, names: Sequence[str]) -> dict[str, KnownFiles | None]:
    """The named models, with the hashes of their files here."""
    hashes = Hashes(paths.home() / "hashes.json", paths.pulled_file())
    chosen = {name: choose_variant(card_of(catalog, name), measured_here(), settings.fleet) for name in names}
    return {name: known_files(catalog, hashes, variant) for name, (variant, _) in chosen.items()}


def _need_bytes(catalog: Catalog, settings: Settings, name: str) -> int:
    """What a model that every replica loads at once takes, as it was measured here, or estimated."""
    card = card_of(catalog, name)
    variant, engine = choose_variant(card, measured_here(), settings.fleet)
    profile = Profiles(paths.home() / PROFILES).get(card.name, variant.name, engine.installed_version())
    return need_bytes(profile, variant, settings.engine_of(card.name)) or 0
