"""How long a fresh server process takes to be of use, as it is stored."""

from viewfinder.measure.figures import Frozen, Measured, Missing


class LoadTimes(Frozen):
    """Seconds after the start of the server process, typical of n fresh starts."""

    spawned: Measured = Missing(missing="the version that measured this did not note it")
    listening: Measured
    ready: Measured
    first_token: Measured
    first_correct: Measured
