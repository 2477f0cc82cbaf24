"""The search on costs like those of SmolVLM-500M on two cores, where a question takes up to a minute: 37.9 s
at the engine's default, 4.9 s at 64 image tokens. Simulated: what is measured is in benchmarks/notes.md."""

import asyncio
import itertools
import statistics
from dataclasses import dataclass

from tests.measure.tuning.simulated import Settings, SimulatedMachine
from viewfinder.measure.tuning import judging
from viewfinder.measure.tuning.ask import COUNTS_S, LEAST_QUESTIONS, QUESTION_S
from viewfinder.measure.tuning.axes import TuneAxis
from viewfinder.measure.tuning.candidate import Candidate, ProcessPair
from viewfinder.measure.tuning.judging import AnswerVerdict
from viewfinder.measure.tuning.search import SPEED_QUESTIONS, Search

TOKENS_S = {0: 37.9, 64: 4.9}
THREADS = {0: 1.0, 1: 1.9, 3: 1.15, 4: 1.3}
LOAD_S = 2.0
AXES = (
    TuneAxis("image_tokens", ((64,),), is_exact=False, is_budget=True),
    TuneAxis("threads", ((1,),)),
    TuneAxis("flash_attention", (("off",),), is_exact=False),
    TuneAxis(
        "micro_batch", ((1024, 2048), (256, 128)), least_tokens={1024: 513, 2048: 513, 256: 257, 128: 129}
    ),
    TuneAxis("cache_type", (("q8_0",),), is_exact=False, least_tokens={"q8_0": 256}),
)


def cost_s(settings: Settings) -> float:
    flash = 1.03 if settings.get("flash_attention") == "off" else 1.0
    return TOKENS_S[settings.get("image_tokens", 0)] * THREADS[settings.get("threads", 0)] * flash


def prompt_tokens(settings: Settings) -> int:
    return settings.get("image_tokens", 1088) + 20


def questions_and_time(sides: list[Settings]) -> tuple[int, float]:
    """How many questions each side is asked by the rules of `ask`, and how long both take with their load."""
    each_s = [cost_s(one) for one in sides]
    number, spent_s, more_s = int(min(each_s) > COUNTS_S), 0.0, statistics.fmean(each_s)
    warm, most_s = 1 - number, QUESTION_S * SPEED_QUESTIONS
    while number < SPEED_QUESTIONS and not (number >= LEAST_QUESTIONS and spent_s + more_s > most_s):
        number, spent_s = number + 1, spent_s + more_s
    return number, sum((number + warm) * one_s + LOAD_S for one_s in each_s)


@dataclass
class SlowMachine(SimulatedMachine):
    """Adds up the time."""

    spent_s: float = 0.0

    async def measure(self, one: Candidate, other: Candidate, nth: int, questions: int) -> ProcessPair:
        number, took_s = questions_and_time([dict(one.changes), dict(other.changes)])
        self.spent_s += took_s
        return await super().measure(one, other, nth, number)


def any_answer(*_: object, **__: object) -> AnswerVerdict:
    return AnswerVerdict("as good", "random weights are never right")


def test_it_takes_about_a_fifth_of_the_time_of_all_combinations() -> None:
    """Of three processes of each of 16 cells."""
    grid = itertools.product(TOKENS_S, THREADS, ("auto", "off"))
    names = ("image_tokens", "threads", "flash_attention")
    each_s = [questions_and_time([dict(zip(names, cell, strict=True))])[1] for cell in grid]
    exhaustive_s = judging.LEAST_PAIRS * sum(each_s)
    shares = []
    for seed in range(10):
        machine = SlowMachine(cost_s, prompt_tokens=prompt_tokens, seed=seed)
        found = asyncio.run(Search(machine.measure, images=True, judge=any_answer).run(AXES))
        assert dict(found.best.changes) == {"image_tokens": 64}
        assert found.gain is not None
        assert found.gain.low > 3
        assert {*found.left_out} == {"micro_batch", "cache_type"}, "with 64 tokens they make no difference"
        assert "84 tokens" in found.left_out["cache_type"]
        shares.append(machine.spent_s / exhaustive_s)
    assert statistics.median(shares) <= 0.2, shares


def test_what_a_whole_picture_makes_matter_is_tried_where_no_smaller_one_is_taken() -> None:
    machine = SlowMachine(cost_s, loses=lambda settings: 0.5 * ("image_tokens" in settings), seed=1)
    machine.prompt_tokens = prompt_tokens
    found = asyncio.run(Search(machine.measure, images=True).run(AXES))
    assert found.best == Candidate()
    assert not found.left_out
    tried = {name for trial in found.trials for name, _ in trial.candidate.changes}
    assert tried == {axis.name for axis in AXES}
