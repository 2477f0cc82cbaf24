"""Where the images and clips of a request are; made by `chat`, read by the gateway."""

from dataclasses import dataclass
from typing import Literal

from viewfinder.wire.kept_image import KeptImage
from viewfinder.wire.messages import Detail


@dataclass(frozen=True, slots=True)
class ImageRef:
    """One image of a request: its position, its URL (as in `ImageURL`), and the requested detail."""

    message: int
    part: int
    url: str | memoryview | KeptImage
    detail: Detail

    @property
    def part_param(self) -> str:
        """The path to its part."""
        return f"messages[{self.message}].content[{self.part}]"

    @property
    def param(self) -> str:
        """The path to it, for errors."""
        return f"{self.part_param}.image_url.url"


@dataclass(frozen=True, slots=True)
class ClipRef:
    """One clip of a request: its position, its URL, how many frames of it are wanted, and how they are
    chosen."""

    message: int
    part: int
    url: str | memoryview
    frames: int | None
    choose: Literal["time", "change"]

    @property
    def param(self) -> str:
        """The path to it, for errors."""
        return f"messages[{self.message}].content[{self.part}].video_url.url"
