"""From stored samples to what can be compared."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.measure.made_up import PRINT, answers, evidence, exchange, left, timed
from tests.measure.measures.dialogues.test_find import about
from tests.measure.store.test_store import RUN, result, sample
from viewfinder.measure.compare.evidence import Evidence, evidence_of, readers
from viewfinder.measure.measures.base import ProcessValues
from viewfinder.measure.store.rows import ANCHOR
from viewfinder.measure.store.store import Store


def test_every_figure_has_one_value_a_process() -> None:
    found = evidence([0.4, 0.8])
    assert found.values("average inference") == pytest.approx({1: 0.4, 2: 0.8})
    assert found.values("time to first token, image") == pytest.approx({1: 0.1, 2: 0.2})
    assert found.values("time to first token, text") == pytest.approx({1: 0.1, 2: 0.2})
    assert found.values("decode speed") == pytest.approx({1: 9 / 0.3, 2: 9 / 0.6})
    assert found.values("load time") == pytest.approx({1: 1.004, 2: 1.008})
    assert found.values("memory difference") == pytest.approx({1: 5e8 * 1.004, 2: 5e8 * 1.008})


def test_what_was_set_aside_failed_or_reported_nothing_has_no_value() -> None:
    some = timed([0.4, 0.8])
    failed = [replace(one, exchange=exchange(0.001, error="timeout: no")) for one in some if one.process == 2]
    found = Evidence([*some[:3], *failed], {1: left(1.0, 5.0), 2: left(9.0, -7e5), 3: left(7.0, 7.0)})
    assert found.values("average inference") == {1: pytest.approx(0.4)}
    assert found.values("load time") == {1: 1.0, 2: 9.0}, "no exchange of the third one counts"
    assert found.values("memory difference") == {1: 5.0}, "a negative difference is none"
    values = [name for name, reader in readers().items() if isinstance(reader, ProcessValues)]
    assert len(values) == 6
    assert all(not Evidence([]).values(figure) for figure in values)
    one_piece = [
        replace(one, exchange=exchange(0.1, token_times_s=(0.1,), first_token_s=0.1)) for one in some
    ]
    assert Evidence(one_piece).values("decode speed") == {}


def test_answers_are_told_apart_by_scene_and_question() -> None:
    failed = sample(scene="s9", question="vision?", right=True, exchange=exchange(0.1, error="timeout: no"))
    found = Evidence([*answers([True, False]), failed])
    assert found.answers("right image answers") == {
        ("s0", "vision? Red."): True,
        ("s1", "vision? Red."): False,
        ("s9", "vision? "): False,
    }
    texts = [sample(scenario="text", question=question, right=True) for question in ("One?", "Two?")]
    assert Evidence(texts).answers("right text answers") == {("One?", "One? "): True, ("Two?", "Two? "): True}


def test_of_a_conversation_the_last_answer_counts() -> None:
    turns = [
        sample(scenario="follow-up", scene="s0", question=question, right=right)
        for question, right in (("One?", True), ("Two?", False), ("Three?", True))
    ]
    assert Evidence(turns).answers("right follow-up answers") == {("s0", ""): True}


def test_facts_kept_are_those_that_were_seen() -> None:
    found = Evidence([*about("a", alone="yny", resent="ynn"), *answers([True])])
    kept = found.answers("facts kept in dialogues")
    assert list(kept.values()) == [True, False]
    assert {dialogue for dialogue, _ in kept} == {"a"}


def test_what_the_store_has_of_a_result(tmp_path: Path) -> None:
    with Store(tmp_path / "results.sqlite") as store:
        check_what_is_there(store)


def check_what_is_there(store: Store) -> None:
    store.begin(RUN, {"glimpse": PRINT, ANCHOR: PRINT.model_copy(update={"files": "g"})})
    store.begin_process("run1", "glimpse", 1)
    ours, anchors = sample(), sample(ANCHOR, scenario="anchor")
    for one in (ours, sample("other"), anchors):
        store.add(one)
    store.finish_process("run1", "glimpse", 1, left(1.0, 5.0))
    found = evidence_of(store, result())
    assert (list(found.samples), list(found.anchor)) == ([ours], [anchors])
    assert found.outcomes == {1: left(1.0, 5.0)}
    assert (found.fingerprint, found.anchored and found.anchored.files) == (PRINT, "g")
