"""A machine that is a formula: how long a question takes, and how often it is answered right, with the
noise of processes and of questions. Stands for real engines in the tests of the search."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from viewfinder.measure.deadline import TimeIsUp
from viewfinder.measure.tuning.candidate import Candidate, ProcessPair, TimedReply

Settings = Mapping[str, Any]


@dataclass
class SimulatedMachine:
    """`cost_s` is the true time of a question about a picture, `loses` the share of right answers that are
    lost, `rewords` that of answers with other words. Other programs disturb both sides of a pair, which take
    turns, and some candidates a bit more."""

    cost_s: Callable[[Settings], float]
    loses: Callable[[Settings], float] = lambda settings: 0.0
    rewords: Callable[[Settings], float] = lambda settings: 0.0
    prompt_tokens: Callable[[Settings], int | None] = lambda settings: None
    right: float = 0.9
    fails: Callable[[Settings], bool] = lambda settings: False
    seed: int = 0
    processes_differ: float = 0.02
    questions_differ: float = 0.1
    most_questions: int | None = None
    asked: int = 0
    pairs: list[tuple[Candidate, Candidate, int]] = field(default_factory=list)

    async def measure(self, one: Candidate, other: Candidate, nth: int, questions: int) -> ProcessPair:
        if self.most_questions is not None and self.asked >= self.most_questions:
            raise TimeIsUp
        self.pairs.append((one, other, nth))
        if self.fails(dict(other.changes)):
            return ProcessPair(nth=nth, failure="it died")
        rng = random.Random(f"{self.seed}/{len(self.pairs)}")
        load = rng.lognormvariate(0, 0.3)
        more = 1.2 if rng.random() < 0.05 else 1.0
        return ProcessPair(
            nth=nth,
            one=self._process(one, nth, questions, rng, load),
            other=self._process(other, nth, questions, rng, load * more),
        )

    def _process(
        self, who: Candidate, nth: int, questions: int, rng: random.Random, load: float
    ) -> tuple[TimedReply, ...]:
        settings = dict(who.changes)
        level = self.cost_s(settings) * rng.lognormvariate(0, self.processes_differ) * load
        self.asked += questions
        replies = []
        for number in range(questions):
            place = f"{self.seed}/{nth}/{number}"
            right = random.Random(f"right/{place}").random() < self.right
            draw = random.Random(f"{place}/{settings}").random()
            lost, reworded = right and draw < self.loses(settings), draw < self.rewords(settings)
            replies.append(
                TimedReply(
                    scene=place,
                    question="q",
                    has_image=True,
                    e2e_s=level * rng.lognormvariate(0, self.questions_differ),
                    text="lost" if lost else f"reworded {settings}" if reworded else "as ever",
                    right=right and not lost,
                    prompt_tokens=self.prompt_tokens(settings),
                )
            )
        return tuple(replies)
