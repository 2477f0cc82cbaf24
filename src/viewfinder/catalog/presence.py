"""Whether a variant's files are on this disk; called by `fleet` each time it chooses a variant.

Looks only at names: `Catalog.resolve` checks before a start whether the files are complete.
"""

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import folder_of
from viewfinder.catalog.hub import snapshot


def is_here(variant: Variant) -> bool:
    """True when all files that the variant needs are on this disk, also those of other repositories.

    Always true for a running server, which has its own files.
    """
    if variant.source == "server":
        return True
    folder = folder_of(variant)
    if folder is None or any(snapshot(repo) is None for repo in variant.also):
        return False
    model = folder / variant.model
    if variant.mmproj is not None and not (folder / variant.mmproj).is_file():
        return False
    # A folder must have weights: of a repository with several variants, only some may be on this disk.
    return model.is_file() or ((model / "config.json").is_file() and any(model.glob("*.safetensors")))
