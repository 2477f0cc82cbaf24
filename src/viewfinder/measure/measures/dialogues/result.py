"""What a model keeps of an image over a dialogue; as it is stored."""

from viewfinder.measure.figures import Frozen, Measured


class Dialogues(Frozen):
    """Shares in percent, differences in points; intervals are over dialogues, each about images of its own.

    `retention` is the headline: how often a fact of the image is right in the dialogue, of those that are
    right when asked alone with the image; `by_distance` is the same by how many turns ago the image was
    sent. `eyesight` is the share right when asked alone, `blind` that without any image, and
    `blind_corrected_gain` is what the image adds to it in the dialogue. In `text_memory` the image is taken
    out after its turn, and `text_gap` is what re-sending it is worth.

    `interference` is what a second image costs (right before minus right after, the same facts), `swaps` how
    often its value is given for the first image's, and `second_image` the share of its own facts that are
    right. `first_loss` is the turn in which a dialogue loses its first fact.

    `failed` requests got no answer and are in no share; `failure` is what the first of them said, or empty.
    `ended` says why no more was asked.
    """

    dialogues: int
    retention: Measured
    by_distance: dict[int, Measured]
    eyesight: Measured
    blind: Measured
    blind_corrected_gain: Measured
    text_memory: Measured
    text_gap: Measured
    interference: Measured
    swaps: Measured
    second_image: Measured
    false_premises_accepted: Measured
    true_premises_accepted: Measured
    first_loss: Measured
    failed: int
    failure: str
    ended: str
