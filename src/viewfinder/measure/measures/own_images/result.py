"""The accuracy on the user's own questions, as it is stored."""

from pydantic import Field

from viewfinder.measure.calibrating.worth import KindOfDecision
from viewfinder.measure.figures import Frozen, Measured, Missing


class WrongAnswer(Frozen):
    """A question that was not answered wholly right: `said` is the answer, `error` why there is none.

    `score` is VQA v2's, 0 to 1: below 1 and above 0 where few of ten people gave that answer. `picture` is
    its name in the folder, `digest` the key of its thumbnail.
    """

    picture: str
    digest: str
    question: str
    expected: tuple[str, ...]
    said: str
    error: str = ""
    score: float = 0.0


class OwnImages(Frozen):
    """`asked` of the folder's `questions` were asked, about `images` different images; `answered` got an
    answer, and `right` were wholly right.

    `accuracy` is VQA v2's, `exact` the share of strict exact matches, both in %, their intervals clustered by
    image. `wrong` are the first 200 answers that were not right, in the order of the questions, which is the
    same for every model; all of them are in the stored samples. `thumbnails` are the first 24 of their
    pictures, as data URLs by digest: JPEGs of at most 128 px made by the decoder process, so that a report
    needs neither the folder, which may be gone by then, nor a decoder. Results of older versions have neither
    of these. `decisions` say how true the model's probabilities are about the yes or no questions and the
    choices among them; empty where there were too few.
    """

    folder: str
    questions: int
    asked: int
    images: int
    answered: int
    accuracy: Measured
    exact: Measured
    right: int | None = None
    wrong: tuple[WrongAnswer, ...] = ()
    thumbnails: dict[str, str] = Field(default_factory=dict)
    decisions: tuple[KindOfDecision | Missing, ...] = ()
