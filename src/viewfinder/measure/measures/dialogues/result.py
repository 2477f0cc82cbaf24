"""The facts of an image that a model keeps over a dialogue, as they are stored."""

from viewfinder.measure.figures import Frozen, Measured, Missing

NOT_KEPT = Missing(missing="no server that was measured keeps conversations (/v1/responses)")


class Dialogues(Frozen):
    """Shares in percent, differences in points; intervals are over dialogues, each about images of its own.

    `retention` is the headline: how often a fact of the image is right in the dialogue, of those that are
    right when asked alone with the image; `by_distance` is the same by how many turns ago the image was sent.
    `eyesight` is the share right when asked alone, `blind` the same without any image, and
    `blind_corrected_gain` is the gain by the image in the dialogue. In `text_memory` the image is removed
    after its turn, and `text_gap` is the gain by re-sending it.

    `interference` is the cost of a second image (right before minus right after, the same facts), `swaps` the
    share of facts of the first image answered as they are in the second, and `second_image` the share of the
    second image's own facts that are right. `first_loss` is the turn in which a dialogue loses its first
    fact.

    In `server_kept` the server keeps the history; `same_answers` is the share of its answers that are, word
    for word, those to the whole history.

    `failed` requests got no answer and are in no share; `failure` is the error of the first, or empty.
    `ended` says why there were no more dialogues.
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
    server_kept: Measured = NOT_KEPT
    same_answers: Measured = NOT_KEPT
    false_premises_accepted: Measured
    true_premises_accepted: Measured
    first_loss: Measured
    failed: int
    failure: str
    ended: str
