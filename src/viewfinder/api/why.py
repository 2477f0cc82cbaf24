"""`why`: how the model for a request to a name like `auto:best` was chosen, or which it would be now."""

import asyncio

from viewfinder.api.control import Control
from viewfinder.api.orders import OrdersHere
from viewfinder.api.setup import open_catalog, open_fleet
from viewfinder.catalog.auto_names import OWN_PREFIXES
from viewfinder.core.config import Settings, load_settings
from viewfinder.core.errors import NotRunning
from viewfinder.gateway.answers import ChosenModel
from viewfinder.gateway.auto import AutoModels
from viewfinder.gateway.control import NEWEST


def why(id: str = "", *, settings: Settings | None = None) -> ChosenModel:
    """By the id of an answer or of its request; empty: the newest choice. For an `auto:` name, the model that
    it stands for now: also without a running `serve`, where nothing is loaded.

    Raises UnknownModel, UnknownAnswer as BadRequest, NotRunning.
    """
    try:
        return ChosenModel.model_validate(Control().choice(id or NEWEST))
    except NotRunning:
        if not id.startswith(OWN_PREFIXES):
            raise
    return asyncio.run(_now(id, settings or load_settings()))


async def _now(name: str, settings: Settings) -> ChosenModel:
    async with open_fleet(open_catalog(settings), settings) as fleet:
        return ChosenModel.of(await AutoModels(OrdersHere()).now(fleet, settings, name))
