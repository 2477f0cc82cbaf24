"""What a request says, in pieces that can be compared with those of others; made by `chat` for the fleet."""

from collections.abc import Iterator, Sequence

from viewfinder.fleet.process.slot_table import PromptPiece, PromptPieces
from viewfinder.media.clips import SafeClip
from viewfinder.media.safe_image import SafeImage
from viewfinder.wire.messages import ImagePart, RequestMessage, TextPart, VideoPart

PIXELS_OF_A_CHARACTER = 50
"""An image of this many pixels takes an engine about as long as a character of text; a smaller one than
LEAST_PIXELS takes as long as that."""
LEAST_PIXELS = 128 * 128


def prompt_of(
    messages: Sequence[RequestMessage], images: Sequence[SafeImage], clips: Sequence[SafeClip]
) -> PromptPieces:
    """The pieces in their order; `images` and `clips` are those of the messages."""
    return list(_pieces(messages, iter(images), iter(clips)))


def _pieces(
    messages: Sequence[RequestMessage], images: Iterator[SafeImage], clips: Iterator[SafeClip]
) -> Iterator[PromptPiece]:
    for message in messages:
        yield PromptPiece(hash(message.role), 0)
        for part in message.content if isinstance(message.content, list) else (message.content or "",):
            if isinstance(part, ImagePart):
                yield _picture(next(images))
            elif isinstance(part, VideoPart):
                yield from map(_picture, next(clips).frames)
            else:
                text = part.text if isinstance(part, TextPart) else part
                yield PromptPiece(hash(text), len(text))


def _picture(image: SafeImage) -> PromptPiece:
    return PromptPiece(hash(image.digest), picture_cost(image.width * image.height))


def picture_cost(pixels: int) -> int:
    """What a picture takes to compute, in characters of text."""
    return max(LEAST_PIXELS, pixels) // PIXELS_OF_A_CHARACTER
