"""The image that engines get; made by `intake` and `clips`, used by the gateway."""

from dataclasses import dataclass

from viewfinder.wire.long_text import LongText
from viewfinder.wire.placing import SeenPicture


@dataclass(frozen=True, slots=True)
class SafeImage:
    """An image that we decoded and encoded ourselves, as a data URL; `digest` is the sha256 of its size and
    pixels.

    `reduced_from` is its size before it was scaled down to the most pixels or bytes, None if it was not.
    `seen` says where in it the picture lies that was sent; None: not known any more.
    """

    url: LongText
    width: int
    height: int
    digest: str
    reduced_from: tuple[int, int] | None = None
    seen: SeenPicture | None = None

    @property
    def size_bytes(self) -> int:
        return len(self.url)

    @property
    def data_url(self) -> str:
        """The whole of `url`."""
        return str(self.url)
