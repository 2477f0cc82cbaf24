"""The accuracy on the user's own questions, as it is stored."""

from viewfinder.measure.figures import Frozen, Measured


class OwnImages(Frozen):
    """`asked` of the folder's `questions` were asked, about `images` different images; `answered` got an
    answer.

    `accuracy` is VQA v2's, `exact` the share of strict exact matches, both in %, their intervals clustered by
    image.
    """

    folder: str
    questions: int
    asked: int
    images: int
    answered: int
    accuracy: Measured
    exact: Measured
