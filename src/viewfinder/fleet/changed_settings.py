"""Which models a change of the settings affects; pure, called by `api` when the settings are reloaded."""

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.engine_settings import EngineSettings


def changed_models(old: tuple[Catalog, Settings], new: tuple[Catalog, Settings]) -> set[str]:
    """The models that are gone, or whose server process must be restarted for the new settings to apply."""
    return {name for name in old[0].names() if _effective(*old, name) != _effective(*new, name)}


def _effective(catalog: Catalog, settings: Settings, model: str) -> tuple[object, EngineSettings] | None:
    """The card that is left of a model, and what it is started with; None: there is no such model.

    Files, servers and items for a variant are in the card. Consent to other models' code is no part of it.
    """
    if model not in catalog.names():
        return None
    engine = settings.engine_of(model)
    agreed = tuple(name for name in engine.remote_code if name == model)
    return catalog.get(model), engine.model_copy(update={"remote_code": agreed})
