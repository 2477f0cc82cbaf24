"""VQA v2's score against what its page and its evaluation code say, example by example."""

import itertools

import pytest

from viewfinder.client.exchange import Exchange
from viewfinder.measure.measures.own_images.score import (
    CONTRACTIONS,
    accuracy,
    exact_of,
    in_one,
    is_exact,
    is_right,
    normalized,
    score_of,
)
from viewfinder.measure.store.rows import Sample


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("Yes.", "yes"),
        ("Yes!", "yes"),
        ("  two\nblack\tcats ", "2 black cats"),
        ("The dog and a cat", "dog and cat"),
        ("none", "0"),
        ("ten", "10"),
        ("eleven", "eleven"),
        ("dont", "don't"),
        ("wouldnt've", "wouldn't've"),
        ("girl's", "girl's"),
        ("2:50 pm", "2:50 pm"),
        ("2.5", "2.5"),
        ("it is 2.", "it is 2"),
        ("100,978", "100978"),
        ("t-shirt", "t shirt"),
        ("red/white", "red white"),
        ("black, white", "black white"),
        ("black,white", "black white"),
        ("1,000 t-shirts", "1000 tshirts"),
        ("what ?", "what"),
        ("?", ""),
        ("Im", "im"),
        ("Grün", "grün"),
    ],
)
def test_answers_are_compared_without_what_does_not_matter(said: str, means: str) -> None:
    assert normalized(said) == means


def test_contractions_only_gain_or_lose_their_apostrophes() -> None:
    assert len(CONTRACTIONS) == 120
    for written, meant in CONTRACTIONS.items():
        assert written.replace("'", "") == meant.replace("'", "")
    assert {written for written in CONTRACTIONS if written != written.lower()} == {
        "Id've",
        "I'dve",
        "Im",
        "Ive",
    }


@pytest.mark.parametrize("agree", range(11))
def test_accuracy_is_the_mean_over_all_ways_to_leave_one_of_ten_people_out(agree: int) -> None:
    answers = ["red"] * agree + ["blue"] * (10 - agree)
    nine = itertools.combinations(answers, 9)
    by_definition = [min(some.count("red") / 3, 1) for some in nine]
    assert accuracy("Red.", answers) == pytest.approx(sum(by_definition) / 10)


def test_known_accuracies() -> None:
    """The table that papers give for 0 to 4 people."""
    found = [accuracy("x", ["x"] * agree + ["y"] * (10 - agree)) for agree in range(5)]
    assert found == pytest.approx([0, 0.3, 0.6, 0.9, 1])
    assert is_right(["x"] * 4 + ["y"] * 6, "x")
    assert not is_right(["x"] * 3 + ["y"] * 7, "x")


def test_of_fewer_than_ten_answers_each_is_right() -> None:
    assert accuracy("Two", ["2"]) == 1
    assert accuracy("the couch", ["sofa", "couch"]) == 1
    assert accuracy("chair", ["sofa", "couch"]) == 0
    with pytest.raises(ValueError, match="without an answer"):
        accuracy("red", [])


def test_silence_is_wrong_even_where_an_article_would_be_right() -> None:
    """Normalized, the choice "A" is nothing at all."""
    assert accuracy(" ", ["A"]) == 0
    assert accuracy("A.", ["A"]) == 1


def test_an_exact_match_is_letter_by_letter_what_most_said() -> None:
    assert is_exact(" red\n", ["red"])
    assert not is_exact("Red", ["red"])
    assert not is_exact("red.", ["red"])
    assert is_exact("couch", ["sofa", "couch"])
    votes = ["net"] * 6 + ["netting"] * 4
    assert (is_exact("net", votes), is_exact("netting", votes), accuracy("netting", votes)) == (
        True,
        False,
        1,
    )
    assert not is_exact("", ["net"])


def sample(exchange: Exchange, *answers: str) -> Sample:
    return Sample("run", "m", 0, "vqa", "?", exchange, "a scene", in_one(answers))


def test_a_stored_exchange_is_scored_by_what_it_expects() -> None:
    said = Exchange(started_s=0, finished_s=1, text="Red|blue.", completion_tokens=2)
    one = sample(said, "red|blue", "größe")
    assert (score_of(one), exact_of(one)) == (1, False)
    lost = Exchange(started_s=0, finished_s=1, text="red", error="engine_refused: no")
    one = sample(lost, "red")
    assert (score_of(one), exact_of(one)) == (0, False)
