"""Whether a variant's files are on this disk; called by `fleet` each time it chooses a variant.

Looks only at names: `Catalog.resolve` checks before a start whether the files are complete.
"""

from pathlib import Path

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import WEIGHTS
from viewfinder.catalog.hub import snapshot


def is_here(variant: Variant, *, weights: Path = WEIGHTS) -> bool:
    """True when all files that the variant needs are on this disk, also those of other repositories.

    Always true for a running server, which has its own files.
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
    """A folder with weights: of a repository with several variants, only some may be on this disk."""
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))
