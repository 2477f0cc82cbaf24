"""How often something may happen that was seen seldom or never; called by `troubles` and the measures."""

from scipy import special

from viewfinder.measure.statistics.intervals import LEVEL


def at_most(events: int, asked: int) -> float:
    """The share, 0 to 1, below which events surely lie: the one-sided 95 % bound, exact for any number.

    Clopper and Pearson, Biometrika 26 (1934) 404. Without an event it is 1 - 0.05 ** (1 / asked), nearly 3 /
    asked: 4.9 % of 60, 1.0 % of 300. 1 when nothing was asked.
    """
    if not 0 <= events <= asked:
        raise ValueError(f"{events} of {asked} is not a share")
    return 1.0 if events == asked else float(special.bdtri(events, asked, 1 - LEVEL))


def is_chance(events: int, of: int, share: float) -> bool:
    """Whether chance alone, at this share, would give this many events or more with 5 % or more."""
    return events == 0 or float(special.bdtrc(events - 1, of, share)) >= 1 - LEVEL
