"""From stored exchanges to rankings."""

from dataclasses import replace

from tests.measure import made_up
from tests.measure.store.test_store import sample
from viewfinder.client.exchange import Exchange
from viewfinder.measure.compare import standings
from viewfinder.measure.compare.evidence import Evidence
from viewfinder.measure.compare.standings import Standing
from viewfinder.measure.measures.own_images.find import OWN_QUESTIONS
from viewfinder.measure.store.rows import Sample


def by_answers(asked: dict[str, list[Sample]], figure: str = "right image answers") -> Standing | None:
    return standings.by_answers({model: Evidence(some) for model, some in asked.items()}, figure)


def by_times(asked: dict[str, list[Sample]]) -> Standing | None:
    return standings.by_times({model: Evidence(some) for model, some in asked.items()})


def answers(right: int, of: int, **more: object) -> list[Sample]:
    exchange = Exchange(started_s=0.0, finished_s=1.0, text="Red.")
    fields = {"exchange": exchange, "process": 0} | more
    return [sample(scene=f"s{number}", right=number < right, place=number, **fields) for number in range(of)]


def timed(run: str, *times: float) -> list[Sample]:
    """Three requests to each server process."""
    exchanges = [Exchange(started_s=0.0, finished_s=time, text="A red star.") for time in times]
    return [
        replace(sample(process=process, scenario="images", exchange=exchange), run=run)
        for process, exchange in enumerate(exchanges, start=1)
        for _ in range(3)
    ]


def test_by_answers() -> None:
    standing = by_answers({"a": answers(90, 100), "b": answers(40, 100), "none": timed("run1", 1.0)})
    assert standing is not None
    assert [(place.model, place.verdict) for place in standing.places] == [("a", "best"), ("b", "worse")]


def test_a_failed_answer_is_not_right_and_other_questions_do_not_count() -> None:
    failed = answers(100, 100, exchange=Exchange(started_s=0.0, finished_s=1.0, error="timeout: no"))
    standing = by_answers({"failed": failed, "a": answers(90, 100)})
    assert standing is not None
    assert standing.places[0].model == "a"
    assert by_answers({"a": answers(9, 10), "b": [sample(scene="other", right=True)]}) is None
    assert by_answers({"a": answers(9, 10)}) is None


def test_by_times() -> None:
    base = [1.0, 1.1, 0.9, 1.05, 0.95, 1.2, 1.0]
    slower = [1.3 * time for time in base]
    standing = by_times({"slow": timed("run1", *slower), "fast": timed("run1", *base)})
    assert standing is not None
    assert [(place.model, place.verdict) for place in standing.places] == [
        ("fast", "best"),
        ("slow", "worse"),
    ]
    assert by_times({"fast": timed("run1", *base), "once": timed("run1", 1.0)}) is None


def test_runs_apart_are_not_paired() -> None:
    """What the processes of one run share says nothing about another run's."""
    base = [1.0, 2.0, 0.5, 1.5, 0.7, 1.2]
    later = [1.02 * time for time in base]
    together = by_times({"a": timed("run1", *base), "b": timed("run1", *later)})
    apart = by_times({"a": timed("run1", *base), "b": timed("run2", *later)})
    assert together is not None
    assert apart is not None
    assert together.places[1].verdict == "tied"
    assert apart.places[1].verdict == "not separated"


def test_processes_that_one_model_lacks_are_left_out() -> None:
    fast, slow = timed("run1", 1.0, 9.0, 1.1, 0.9), timed("run1", 1.5, 1.6, 9.9, 1.4)
    lacking = [one for one in fast if one.process != 2]
    standing = by_times({"a": lacking, "b": [one for one in slow if one.process != 3]})
    assert standing is not None
    assert standing.places[1].contrast is not None
    assert standing.places[1].contrast.n == 2, "processes 1 and 4"


def test_by_own_questions() -> None:
    """Those alone; a question whose answers are others by now is another one."""
    good, bad = (answers(right, 40, scenario="vqa", expected='["red"]') for right in (39, 10))
    standing = by_answers({"bad": bad, "good": good, "none": answers(40, 40)}, OWN_QUESTIONS)
    assert standing is not None
    assert standing.what == "right answers to your own questions"
    assert [(place.model, place.verdict) for place in standing.places] == [("good", "best"), ("bad", "worse")]
    other = answers(10, 40, scenario="vqa", expected='["blue"]')
    assert by_answers({"good": good, "other": other}, OWN_QUESTIONS) is None


def test_other_figures_can_be_ranked() -> None:
    fast, slow = made_up.evidence([0.3, 0.31, 0.29]), made_up.evidence([0.6, 0.61, 0.59])
    speed = standings.by_times({"slow": slow, "fast": fast}, "decode speed")
    assert speed is not None
    assert [place.model for place in speed.places] == ["fast", "slow"], "more tokens a second are better"
    assert speed.what == "decode speed"
    assert standings.by_answers({"slow": slow, "fast": fast}, "right text answers") is None
