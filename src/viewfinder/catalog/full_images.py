"""The second name of a model whose engine gets its image budget at its start: under this one it is started
without, for requests that want the whole picture (`detail: high`).

It is the same card with the same files; the fleet runs it as a model of its own, with its own share of the
memory.
"""

from viewfinder.catalog.card import ModelCard

FULL_IMAGES = ":full-images"


def base_name(name: str) -> str:
    """The model's own name, under which settings and results know it."""
    return name.removesuffix(FULL_IMAGES)


def with_full_images(card: ModelCard) -> ModelCard:
    return card.model_copy(update={"name": f"{card.name}{FULL_IMAGES}"})
