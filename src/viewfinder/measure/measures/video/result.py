"""What a model understands of a clip, as it is stored."""

from viewfinder.measure.figures import Frozen, Measured


class KindOfClip(Frozen):
    """Shares of right answers in percent: with all frames, with the last one alone, and of who guesses among
    what is seen."""

    kind: str
    asked: int
    right: Measured
    last_alone: Measured
    guessed: float


class VideoResult(Frozen):
    """The same over all kinds: `right` is the headline. `gain` is the share right with all frames minus that
    with the last one alone, in points, clip by clip. `tokens` are those of a whole prompt.

    `failed` of `asked` whole clips got no answer and are in no share.
    """

    frames: int
    asked: int
    failed: int
    right: Measured
    last_alone: Measured
    gain: Measured
    guessed: float
    tokens: Measured
    kinds: tuple[KindOfClip, ...]
