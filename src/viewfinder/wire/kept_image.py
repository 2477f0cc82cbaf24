"""An image of an earlier request that is kept, safe already; called by `messages` and the gateway."""

from typing import Any


class KeptImage:
    """Stands for the image in a conversation; `sha256` is of its data URL, `digest` of its pixels.

    It is no dataclass: Pydantic would describe its fields in the API's document.
    """

    __slots__ = ("digest", "height", "sha256", "size_bytes", "width")

    def __init__(self, sha256: str, size_bytes: int, width: int, height: int, digest: str) -> None:
        self.sha256, self.size_bytes, self.digest = sha256, size_bytes, digest
        self.width, self.height = width, height

    def __len__(self) -> int:
        return self.size_bytes

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}
