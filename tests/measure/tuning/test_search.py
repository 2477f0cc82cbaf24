"""The search against a simulated machine whose truth is known."""

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.measure.tuning.simulated import Settings, SimulatedMachine
from viewfinder.measure.tuning import judging
from viewfinder.measure.tuning.axes import TuneAxis
from viewfinder.measure.tuning.candidate import Candidate, ProcessPair, TimedReply
from viewfinder.measure.tuning.search import NOW, Findings, Search

BUDGET = TuneAxis("image_tokens", ((64, 256),), is_exact=False, is_budget=True)
THREADS = TuneAxis("threads", ((16,), (6, 4, 2)))
FLASH = TuneAxis("flash_attention", (("off",),), is_exact=False)
AXES = (BUDGET, THREADS, FLASH)
TOKENS_S = {None: 4.0, 256: 1.5, 64: 0.6}
THREADS_S = {None: 1.0, 16: 1.3, 6: 0.9, 4: 0.7, 2: 1.1}


def typical_cost(settings: Settings) -> float:
    """Eight threads as it is now, of which four are the best; no gain without flash attention."""
    flash = 1.02 if settings.get("flash_attention") == "off" else 1.0
    return TOKENS_S[settings.get("image_tokens")] * THREADS_S[settings.get("threads")] * flash


def exhaustive(machine: SimulatedMachine, axes: tuple[TuneAxis, ...]) -> float:
    """The best true time of all combinations with no answer lost."""
    names = [axis.name for axis in axes]
    grid = itertools.product(*([None, *axis.values] for axis in axes))
    cells = [{name: one for name, one in zip(names, cell, strict=True) if one is not None} for cell in grid]
    return min(machine.cost_s(cell) for cell in cells if not machine.loses(cell))


def searched(machine: SimulatedMachine, axes: tuple[TuneAxis, ...] = AXES, **words: Any) -> Findings:
    return asyncio.run(Search(machine.measure, images=True, **words).run(axes))


def test_it_finds_the_best_of_all_combinations_in_every_seed() -> None:
    """Within 5 % in 50 of 50 seeds, with less than a fifth of the questions of an exhaustive run."""
    cells, right = 3 * 5 * 2, 0
    for seed in range(50):
        machine = SimulatedMachine(typical_cost, seed=seed)
        found = searched(machine)
        took_s = machine.cost_s(dict(found.best.changes))
        assert took_s <= 1.05 * exhaustive(machine, AXES), f"seed {seed}: {found.best.title}"
        assert found.gain is not None
        right += found.gain.low <= 4.0 / took_s <= found.gain.high
        assert machine.asked < cells * 400 / 5
    assert right >= 45, "the interval of the gain has the true one"


def test_where_nothing_is_faster_nothing_is_taken() -> None:
    for seed in range(20):
        found = searched(SimulatedMachine(lambda settings: 1.0, seed=seed))
        assert (found.best, found.gain) == (NOW, None), f"seed {seed}"


def test_a_clear_loss_ends_a_value_after_one_pair_and_those_beyond_it() -> None:
    machine = SimulatedMachine(lambda settings: 1.0 + bool(settings), processes_differ=0.01)
    found = searched(machine, (THREADS,))
    assert [dict(trial.candidate.changes)["threads"] for trial in found.trials] == [16, 6]
    assert len(machine.pairs) == 2


def test_a_large_gain_is_clear_after_two_pairs() -> None:
    machine = SimulatedMachine(lambda settings: 0.4 if settings else 1.0, processes_differ=0.001)
    found = searched(machine, (TuneAxis("threads", ((4,),)),))
    assert found.best == Candidate((("threads", 4),))
    assert len(machine.pairs) == 2, "the same answers need no more questions"


@pytest.mark.parametrize(("bad", "taken"), [((), 64), ((64,), 256), ((64, 256), None)])
def test_of_the_budgets_that_answer_as_well_the_smallest_is_taken(
    bad: tuple[int, ...], taken: int | None
) -> None:
    machine = SimulatedMachine(
        typical_cost, loses=lambda settings: 0.2 if settings.get("image_tokens") in bad else 0.0
    )
    found = searched(machine)
    assert dict(found.best.changes).get("image_tokens") == taken
    tried = {
        dict(trial.candidate.changes)["image_tokens"]: trial.outcome
        for trial in found.trials
        if {*dict(trial.candidate.changes)} == {"image_tokens"}
    }
    assert tried == dict.fromkeys(bad, "worse answers") | ({taken: "taken"} if taken else {})


def test_a_larger_budget_than_one_that_is_no_faster_is_not_tried() -> None:
    machine = SimulatedMachine(lambda settings: 1.0, processes_differ=0.001)
    found = searched(machine, (BUDGET,))
    assert [trial.candidate.title for trial in found.trials] == ["image_tokens 64"]


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    loss=st.floats(0.08, 0.9),
    worse=st.sets(st.sampled_from(["image_tokens", "flash_attention"]), min_size=1),
)
def test_nothing_that_answers_worse_is_ever_taken(seed: int, loss: float, worse: set[str]) -> None:
    """However much faster it is: every setting halves the time here."""
    machine = SimulatedMachine(
        lambda settings: 0.5 ** len(settings),
        loses=lambda settings: loss if worse & settings.keys() else 0.0,
        seed=seed,
    )
    found = searched(machine)
    assert not worse & dict(found.best.changes).keys()


def test_answers_in_other_words_that_are_as_often_right_are_as_good() -> None:
    machine = SimulatedMachine(typical_cost, rewords=lambda settings: 0.3 if "threads" in settings else 0.0)
    found = searched(machine, (THREADS,))
    assert dict(found.best.changes) == {"threads": 4}
    [taken] = [trial for trial in found.trials if dict(trial.candidate.changes)["threads"] == 4]
    assert taken.answers is not None
    assert taken.answers.differ > 0, "the difference is told"


def test_of_a_model_that_is_never_right_only_what_keeps_every_word_is_taken() -> None:
    machine = SimulatedMachine(typical_cost, right=0.0)
    found = searched(machine)
    assert dict(found.best.changes) == {"threads": 4}
    budget = found.trials[0]
    assert budget.outcome == "answers not judged"
    assert "no better than guessing" in budget.says


def test_a_value_that_cannot_start_is_out() -> None:
    machine = SimulatedMachine(typical_cost, fails=lambda settings: settings.get("threads") == 6)
    found = searched(machine, (THREADS,))
    assert [trial.outcome for trial in found.trials] == ["no gain", "failed"]
    assert found.best == NOW


@pytest.mark.parametrize("questions", [0, 60, 200, 600])
def test_when_the_time_is_up_what_was_shown_counts_and_the_rest_is_named(questions: int) -> None:
    machine = SimulatedMachine(typical_cost, most_questions=questions)
    found = searched(machine)
    assert not found.is_complete
    assert found.not_tried or found.unconfirmed
    assert (found.gain is None) == (found.best == NOW)
    if found.gain is not None:
        assert found.gain.low > 1


def test_how_much_pairs_differ_is_known_from_other_values() -> None:
    """Two pairs end a value without a gain: alone they would leave an interval of many times their spread."""
    two = [pair_of(0, 1.03), pair_of(1, 0.99)]
    others = [[0.02, -0.01, 0.0], [-0.5, -0.48, -0.51]]
    assert judging.speed(two, images=True) == "more"
    assert judging.speed(two, images=True, others=others) == "no gain"
    faster = [pair_of(0, 0.93), pair_of(1, 0.95)]
    assert judging.speed(faster, images=True, others=others) == "more"


def pair_of(nth: int, ratio: float) -> ProcessPair:
    """A pair whose other one took this part of the time."""
    one, other = (
        TimedReply(scene="s", question="q", has_image=True, e2e_s=took_s) for took_s in (1.0, ratio)
    )
    return ProcessPair(nth=nth, one=(one,), other=(other,))


def test_a_value_that_is_far_from_a_gain_needs_one_pair_where_others_say_how_much_pairs_differ() -> None:
    assert judging.speed([pair_of(0, 1.6)], images=True) == "more"
    assert judging.speed([pair_of(0, 1.6)], images=True, others=[[-0.5, -0.52]]) == "no gain"
