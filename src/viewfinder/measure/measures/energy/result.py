"""Energy as it is stored."""

from viewfinder.measure.figures import Frozen, Measured


class Energy(Frozen):
    """Of the whole computer while it answered: joules for each right answer, and the mean power in watts."""

    per_right: Measured
    power: Measured
