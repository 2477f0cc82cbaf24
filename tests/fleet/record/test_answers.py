"""What the canary says of the answers before it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from viewfinder.fleet.record.answers import Answers, AnswerStatus, NotedAnswer


def status(answers: Answers, answer_id: str) -> AnswerStatus | None:
    answer = answers.get(answer_id)
    return answer.status if answer else None


def test_a_good_canary_confirms_what_came_before_it_and_nothing_after() -> None:
    answers = Answers()
    answers.note("a", "1")
    answers.note("b", "2")
    assert (status(answers, "1"), status(answers, "nobody's")) == ("unconfirmed", None)
    mark = answers.mark("a")
    answers.note("a", "3")  # while the canary is asked
    answers.confirm("a", mark)
    assert [status(answers, one) for one in "123"] == ["confirmed", "unconfirmed", "unconfirmed"]
    answers.confirm("a")
    assert status(answers, "3") == "confirmed"


def test_a_bad_canary_marks_those_since_the_last_good_one() -> None:
    answers = Answers()
    answers.note("a", "1")
    answers.confirm("a")
    for one in "234":
        answers.note("a" if one != "3" else "b", one)
    assert answers.suspect("a", "stale") == ["2", "4"]
    assert answers.suspect("a") == []
    assert answers.get("4") == NotedAnswer("4", "a", "suspect", "stale")
    answers.confirm("a")
    assert [status(answers, one) for one in "1234"] == ["confirmed", "suspect", "unconfirmed", "suspect"]


def test_the_canary_of_a_fresh_process_says_nothing_of_the_one_before() -> None:
    answers = Answers()
    answers.note("a", "1")
    answers.ended("a")
    answers.note("a", "2")
    assert answers.suspect("a") == ["2"]
    answers.confirm("a")
    assert status(answers, "1") == "unconfirmed"


def test_the_oldest_are_forgotten() -> None:
    answers = Answers(kept=3)
    for one in "12345":
        answers.note("a", one)
    assert [status(answers, one) for one in "12"] == [None, None]
    assert answers.suspect("a") == ["3", "4", "5"]


STEPS = st.lists(
    st.tuples(st.sampled_from(["note", "confirm", "suspect", "ended"]), st.sampled_from("ab")), max_size=60
)


@settings(deadline=None)
@given(STEPS)
def test_every_answer_is_judged_once_by_the_first_canary_after_it(steps) -> None:
    answers = Answers(kept=1000)
    expected: dict[str, str] = {}
    waiting: dict[str, list[str]] = {"a": [], "b": []}
    for number, (step, model) in enumerate(steps):
        if step == "note":
            answers.note(model, str(number))
            expected[str(number)] = "unconfirmed"
            waiting[model].append(str(number))
            continue
        if step == "suspect":
            assert answers.suspect(model) == waiting[model]
        else:
            getattr(answers, step)(model)
        if step != "ended":
            judged = "confirmed" if step == "confirm" else "suspect"
            expected |= dict.fromkeys(waiting[model], judged)
        waiting[model] = []
    assert {one: status(answers, one) for one in expected} == expected


def test_an_answer_of_two_models_is_as_good_as_the_worse_of_them() -> None:
    answers = Answers(kept=3)
    for one in "123":
        answers.note("small", one)
        answers.note("better", one)
    answers.confirm("small", answers.mark("small") - 4)  # the first
    assert status(answers, "1") == "unconfirmed"
    answers.confirm("better")
    assert [status(answers, one) for one in "123"] == ["confirmed", "unconfirmed", "unconfirmed"]
    answers.suspect("small")
    assert answers.get("3") == NotedAnswer("3", "small", "suspect")
    answers.confirm("better")
    assert status(answers, "3") == "suspect"
    answers.note("small", "4")
    answers.note("better", "4")
    answers.ended("small")
    answers.confirm("better")
    assert status(answers, "4") == "unconfirmed", "the half of a process that has ended stays open"
    for one in "567":
        answers.note("better", one)
    assert status(answers, "4") is None
    assert answers.suspect("") == []
