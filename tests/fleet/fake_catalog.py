"""The models of `world`."""

from pathlib import Path

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog, ModelFiles


class FakeCatalog(Catalog):
    """Models `a`, `b` ... with the bytes that each holds; each has two variants, `a-1` and `a-2`."""

    def __init__(self, folder: Path, holds: dict[str, int]) -> None:
        self._cards = {}
        self.folder = folder
        (folder / "weights").touch()
        for name, holds_bytes in holds.items():
            size_bytes = int((holds_bytes - 300_000_000) / 1.2)
            variants = tuple(
                Variant(
                    name=f"{name}-{number}",
                    engine="fake",
                    repo=name,
                    vision=True,
                    text=True,
                    size_bytes=size_bytes,
                )
                for number in (1, 2)
            )
            self._cards[name] = ModelCard(
                name=name, title=name, license="MIT", summary="A fake.", variants=variants
            )

    def get(self, name: str) -> ModelCard:
        return self._cards[name]

    def names(self) -> list[str]:
        return list(self._cards)

    def resolve(self, variant: Variant) -> ModelFiles:
        return ModelFiles(self.folder / "weights")
