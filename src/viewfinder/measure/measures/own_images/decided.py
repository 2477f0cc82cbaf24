"""Which of the user's own questions are decisions, and how they are put; pure, called by `ask` and `find`.

A question is one of yes or no when all answers to its words are, and a choice when many pictures have the
same question with few different answers, as in folders that are named by the answer. Of each picture one
question of a kind counts, so that the answers are independent of each other. With fewer than
`LEAST_SAMPLES` of a kind none is asked, for no calibration would be made of them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from viewfinder.core.errors import BadRequest
from viewfinder.measure.calibrating.worth import LEAST_SAMPLES
from viewfinder.measure.measures.own_images.questions import OwnQuestion
from viewfinder.measure.measures.own_images.score import in_one, normalized
from viewfinder.wire.decisions.translate import require_different
from viewfinder.wire.decisions.wording import YES_NO, PutQuestion, put_choice, put_predicate

OWN_DECISIONS = "own-decisions/"
LEAST_PICTURES = 10
"""Of fewer, the answers do not tell which there are."""
MOST_DIFFERENT = 20
LEAST_OF_A_CHOICE = 2
"""How many pictures a choice must have on average: free text has as many answers as questions."""


@dataclass(frozen=True, slots=True)
class OwnDecision:
    """A question as it is put to a model, and which of its answers is right."""

    own: OwnQuestion
    put: PutQuestion
    right: str

    @property
    def expected(self) -> str:
        """As a sample keeps it: the right answer, and then all of them."""
        return in_one([self.right, *self.put.answers])


def decisions_of(questions: Sequence[OwnQuestion]) -> list[OwnDecision]:
    """Those of the questions that are decisions, in their order."""
    by_words: defaultdict[str, list[OwnQuestion]] = defaultdict(list)
    for one in questions:
        by_words[one.question].append(one)
    known = {id(one.own): one for words, each in by_words.items() for one in _of_words(words, each)}
    able = [*_one_a_picture(known[id(one)] for one in questions if id(one) in known)]
    of_kind = Counter(one.put.kind for one in able)
    return [one for one in able if of_kind[one.put.kind] >= LEAST_SAMPLES]


def _of_words(words: str, each: Sequence[OwnQuestion]) -> Iterator[OwnDecision]:
    answers = [_agreed(one.answers) for one in each]
    different = sorted({answer for answer in answers if answer})
    if set(different) <= set(YES_NO):
        put = put_predicate(words)
    elif _are_choices(different, len(each)):
        put = put_choice(words, [(answer, "") for answer in different])
    else:
        return
    yield from (OwnDecision(one, put, answer) for one, answer in zip(each, answers, strict=True) if answer)


def _agreed(answers: Sequence[str]) -> str:
    """What more than half of the people say; of one who wrote several answers, nothing if they differ."""
    said, votes = Counter(map(normalized, answers)).most_common(1)[0]
    return said if votes > len(answers) / 2 else ""


def _are_choices(different: Sequence[str], pictures: int) -> bool:
    if not 2 <= len(different) <= MOST_DIFFERENT:
        return False
    if pictures < max(LEAST_PICTURES, LEAST_OF_A_CHOICE * len(different)):
        return False
    try:
        require_different(different, "")
    except BadRequest:  # a first token would not tell them apart
        return False
    return True


def _one_a_picture(decisions: Iterable[OwnDecision]) -> Iterator[OwnDecision]:
    taken = set()
    for one in decisions:
        which = (one.put.kind, one.own.image)
        if which not in taken:
            taken.add(which)
            yield one
