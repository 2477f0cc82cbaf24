"""The gates, as they are stored."""

from viewfinder.measure.figures import Frozen, Gate, Missing


class Gates(Frozen):
    """Whether the model sees, reads, and answers a later question about an image that was sent before."""

    vision: Gate | Missing
    text: Gate | Missing
    follow_up: Gate | Missing
