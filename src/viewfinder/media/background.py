"""What stands behind the transparent parts of an image; called by `picture`.

An engine takes no transparency. On white, which nearly every picture with transparency was made for, a white
shape is gone: then it gets a background on which its outline shows. Only pixels beside transparent ones
count: the white boxes of a diagram with black outlines show on white.
"""

from PIL import Image, ImageChops, ImageFilter

WHITE, BLACK, GREY = (255, 255, 255), (0, 0, 0), (128, 128, 128)
LOOKED_AT_EDGE = 512
"""The outline is looked for in a copy of this size: the time for it is bounded."""
VISIBLE_ALPHA = 64
LEAST_CONTRAST = 48
"""An outline that differs by less in every channel cannot be seen."""
LOST_SHARE = 0.25
"""The share of an outline that may not be seen before the background is not white."""


def on_background(layer: Image.Image) -> Image.Image:
    """The RGBA image on white, or on what shows it better."""
    image = Image.new("RGB", layer.size, _background(layer))
    image.paste(layer, mask=layer)
    return image


def _background(layer: Image.Image) -> tuple[int, int, int]:
    outline = layer.resize(
        [max(1, min(edge, LOOKED_AT_EDGE)) for edge in layer.size], Image.Resampling.NEAREST
    )
    visible = outline.getchannel("A").point(lambda alpha: 255 if alpha >= VISIBLE_ALPHA else 0)
    mask = ImageChops.subtract(visible, visible.filter(ImageFilter.MinFilter(3)))
    lost = {colour: _lost_share(outline, mask, colour) for colour in (WHITE, BLACK, GREY)}
    return WHITE if lost[WHITE] <= LOST_SHARE else min(lost, key=lambda colour: lost[colour])


def _lost_share(outline: Image.Image, mask: Image.Image, background: tuple[int, int, int]) -> float:
    """The share of the outline that cannot be seen on this background."""
    channels = ImageChops.difference(
        outline.convert("RGB"), Image.new("RGB", outline.size, background)
    ).split()
    contrast = ImageChops.lighter(ImageChops.lighter(channels[0], channels[1]), channels[2])
    counts = contrast.histogram(mask)
    return sum(counts[:LEAST_CONTRAST]) / max(1, sum(counts))
