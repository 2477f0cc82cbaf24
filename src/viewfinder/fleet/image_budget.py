"""Which image budget holds for a variant here; used by `fleet`, which starts engines, and by the gateway.

Where the card says that the budget is an option of the engine, a process gets it when it starts. Everywhere
else the gateway sends smaller pictures, and each request may have another budget.
"""

from collections.abc import Callable
from pathlib import Path

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.full_images import FULL_IMAGES, base_name
from viewfinder.core.config import Settings
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.engines.base import Engine
from viewfinder.fleet.record.image_budgets import BudgetsHere, StoredBudgets
from viewfinder.fleet.record.measured_costs import CostsHere
from viewfinder.fleet.record.measured_file import NATIVE


class ImageBudgets:
    """The budgets that were measured on this machine; `settings` are those in force."""

    def __init__(self, state: Path, settings: Callable[[], Settings]) -> None:
        self._here, self._settings = BudgetsHere(state), settings
        self.costs = CostsHere(state)

    def of(self, model: str, variant: str, engine_version: str) -> StoredBudgets | str:
        """What was measured; a str: why nothing holds. It reads no file that has not changed."""
        return self._here.of(model, variant, engine_version)

    def started_with(self, card: ModelCard, variant: Variant, engine: Engine) -> EngineSettings:
        """The settings for a new process of this variant: the user's, then what was measured."""
        settings = self._settings()
        own = settings.engine_of(base_name(card.name))
        if (
            card.name.endswith(FULL_IMAGES)
            or variant.image_lever != "image_tokens"
            or own.image_tokens
            or not variant.vision
            or variant.server is not None
            or settings.images.budget != "measured"
        ):
            return own
        version = NATIVE if own.llama_server is not None else engine.installed_version()
        found = self.of(card.name, variant.name, version)
        chosen = None if isinstance(found, str) or found.lever != "image_tokens" else found.chosen
        return own if chosen is None else own.model_copy(update={"image_tokens": chosen.engine_tokens})

    def is_measured(self, card: ModelCard, variant: Variant, engine: Engine) -> bool:
        """Whether a new process of this variant would get a measured budget that is not the full one."""
        own = self._settings().engine_of(base_name(card.name)).image_tokens
        return self.started_with(card, variant, engine).image_tokens != own
