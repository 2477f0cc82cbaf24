"""Whether a variant's files are on this disk now; asked by `fleet/choice` each time that a model is chosen.

Looks at names alone: whether files are whole is found out before a start, by `Catalog.resolve`.
"""

from pathlib import Path

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import WEIGHTS
from viewfinder.catalog.hub import snapshot


def is_here(variant: Variant, *, weights: Path = WEIGHTS) -> bool:
    """True when everything that the variant needs is here, other repositories of the hub included.

    A server that runs already has its files, wherever they are.
    """
    if variant.source == "server":
        return True
    if variant.source == "hub":
        folder = snapshot(variant.repo, variant.revision)
        if folder is None or any(snapshot(repo) is None for repo in variant.also):
            return False
    else:
        folder = weights if variant.source == "package" else Path()
    model = folder / variant.model
    if variant.mmproj is not None and not (folder / variant.mmproj).is_file():
        return False
    return model.is_file() or _is_model(model)


def _is_model(folder: Path) -> bool:
    """A folder with weights in it: one repository may hold other variants, of which alone some are here."""
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))
