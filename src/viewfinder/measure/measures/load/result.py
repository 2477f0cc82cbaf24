"""How long a fresh server process takes to load, as it is stored."""

from viewfinder.measure.figures import Frozen, Measured, Missing


class LoadTimes(Frozen):
    """Seconds after the start of the server process; the geometric mean of n fresh starts."""

    spawned: Measured = Missing(missing="the version that measured this did not record it")
    listening: Measured
    ready: Measured
    first_token: Measured
    first_correct: Measured
