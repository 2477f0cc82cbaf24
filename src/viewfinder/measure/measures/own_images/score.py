"""How VQA v2 scores an answer: by the number of people, of ten, who gave the same; pure, called by the
measure and the export.

After https://visualqa.org/evaluation.html and the evaluation code published with the data set, whose figures
papers print. Where the page and the code differ on punctuation, the code is followed; people's answers are
normalized like the model's, as the page says (the code leaves most of theirs as they are).
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from viewfinder.measure.metrics import answered
from viewfinder.measure.store.rows import Sample

VQA = "vqa"
"""The scenario of the samples that are scored this way."""
_PEOPLE = 10
"""The number of people who answered each question of VQA v2."""
_ENOUGH = 3
"""An answer is wholly right if this number of nine people agree with it."""

_ARTICLES = frozenset(("a", "an", "the"))
_NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
_DIGITS = {"none": "0", **{word: str(number) for number, word in enumerate(_NUMBERS)}}
_PUNCTUATION = r""";/[]"{}()=+\_-><@`,?!"""
"""All but apostrophes and colons: without them "girl's" and "2:50" mean something else."""

_TABLE = Path(__file__).with_name("contractions.csv").read_text(encoding="utf-8")
CONTRACTIONS = {row["written"]: row["meant"] for row in csv.DictReader(_TABLE.splitlines())}
"""As published, including entries that never apply (words are lower case by then) and odd ones
(somebody'd)."""

_NUMBER_WITH_COMMA = re.compile(r"\d,\d")
_PERIOD = re.compile(r"\.(?!\d)")


def normalized(answer: str) -> str:
    """The words that are compared: lower case, without punctuation and articles, numbers in digits.

    A punctuation mark is deleted if it is next to a space anywhere in the answer (or the answer has a number
    such as 1,000); else it becomes a space.
    """
    answer = answer.replace("\n", " ").replace("\t", " ").strip()
    bare = answer
    for mark in _PUNCTUATION:
        beside_space = f"{mark} " in answer or f" {mark}" in answer
        bare = bare.replace(mark, "" if beside_space or _NUMBER_WITH_COMMA.search(answer) else " ")
    words = (_DIGITS.get(word, word) for word in _PERIOD.sub("", bare).lower().split())
    return " ".join(CONTRACTIONS.get(word, word) for word in words if word not in _ARTICLES)


def accuracy(reply: str, answers: Sequence[str]) -> float:
    """0 to 1: min(number of nine people who agree / 3, 1), averaged over all ways to leave one of ten out.

    1 from four of ten on; 0.9, 0.6 and 0.3 for three, two and one. Fewer than ten answers are not people's
    votes: each of them is wholly right. An empty reply is wrong, even where an article alone would be right.
    Raises ValueError without answers.
    """
    if not answers:
        raise ValueError("a question without an answer cannot be scored")
    said = normalized(reply)
    agree = sum(normalized(answer) == said for answer in answers) if reply.strip() else 0
    people = len(answers)
    if people < _PEOPLE:
        return float(agree > 0)
    with_one_left_out = agree * min((agree - 1) / _ENOUGH, 1) + (people - agree) * min(agree / _ENOUGH, 1)
    return with_one_left_out / people


def is_right(answers: Sequence[str], reply: str) -> bool:
    """Whether the reply is wholly right by the accuracy."""
    return accuracy(reply, answers) == 1


def is_exact(reply: str, answers: Sequence[str]) -> bool:
    """Whether the reply is, letter by letter, the most frequent answer (or one of the most frequent)."""
    votes = Counter(answers)
    return votes[reply.strip()] == max(votes.values())


def in_one(answers: Sequence[str]) -> str:
    """The answers as the `expected` text of a sample."""
    return json.dumps(list(answers), ensure_ascii=False)


def answers_in(expected: str) -> list[str]:
    """The answers that `in_one` wrote."""
    answers: list[str] = json.loads(expected)
    return answers


def score_of(sample: Sample) -> float:
    """The accuracy of a sample's reply; an error or an empty reply is wrong."""
    return accuracy(sample.exchange.text, answers_in(sample.expected)) if answered(sample.exchange) else 0.0


def exact_of(sample: Sample) -> bool:
    """Whether a sample's reply is an exact match."""
    return answered(sample.exchange) and is_exact(sample.exchange.text, answers_in(sample.expected))
