"""Which models a change of the settings affects; pure, called by `api` when the settings are reloaded."""

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings


def changed_models(old: tuple[Catalog, Settings], new: tuple[Catalog, Settings]) -> set[str]:
    """The models that are gone, or whose server process must be restarted for the new settings to apply."""
    return {name for name in old[0].names() if _effective(*old, name) != _effective(*new, name)}


def _effective(catalog: Catalog, settings: Settings, model: str) -> tuple[object, ...] | None:
    """The card that is left of a model, and what it is started with; None: there is no such model.

    Files, servers and items for a variant are in the card. Consent to other models' code is no part of it.
    """
    if model not in catalog.names():
        return None
    engine = settings.engine_of(model)
    agreed = tuple(name for name in engine.remote_code if name == model)
    card = catalog.get(model)
    is_started_with = any(variant.image_lever == "image_tokens" for variant in card.variants)
    images = settings.images if is_started_with and not engine.image_tokens else None
    return card, engine.model_copy(update={"remote_code": agreed}), images
