"""Does `tune` find what an exhaustive run finds, within 5 %, in a fifth of its time?

    python -m benchmarks.tuning glimpse
    python -m benchmarks.tuning FOLDER/viewfinder.toml random-500m
    python -m benchmarks.tuning FOLDER/viewfinder.toml random-500m --short --rounds 1

The others take the files of `benchmarks.synthesize`. `--short`: four cells (two budgets, one and two
threads), and one picture a process where it takes long; too few cells for the target of time.

The exhaustive run measures every cell of image budget x threads x flash attention, round by round, a fresh
process of each cell in a round, all with the same questions, in turns with one of the settings as they are: a
cell's speed is the median over the rounds of its time against theirs. Of its time only the cell's own half
counts. It asks as many questions of a cell as
are needed to see that its answers are as good (`QUESTIONS_AT_LOOKS`), which `tune` asks of the few cells that
are faster. With fewer `--rounds` its time is scaled to that number, and the line says so.

A model with random weights is never right, so that nothing can show that a smaller picture is as good.
There the benchmark gives its own rule of what is good: any answer is (`any_answer`), so that speed alone
decides, in `tune` as in the exhaustive run, which takes as many processes of each cell as `tune` takes pairs.
"""

import argparse
import asyncio
import itertools
import json
import math
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from viewfinder.api.setup import card_of, open_catalog, own_folders
from viewfinder.api.tuning import run
from viewfinder.api.tuning.run import TuneProgress, tune
from viewfinder.core.config import load_settings
from viewfinder.fleet.choice import choose_variant
from viewfinder.measure.deadline import Deadline
from viewfinder.measure.tuning import ask, judging
from viewfinder.measure.tuning.ask import PairAsker
from viewfinder.measure.tuning.axes import TuneAxis, TuningSpace
from viewfinder.measure.tuning.candidate import Candidate, ProcessPair
from viewfinder.measure.tuning.judging import AnswerVerdict

THREADS = (1, 3, 4)
"""Beside the present number, which is that of the cores; more than those are what people try, too."""
QUESTIONS_A_PROCESS = 50
AGAIN, AGAIN_FROM = 6, 2_000
LARGEST_LOSS, LARGEST_SHARE = 1.05, 0.2
NOW = Candidate()
SHORT = TuningSpace(
    (TuneAxis("image_tokens", ((64,),), is_exact=False, is_budget=True), TuneAxis("threads", ((1,),))), {}
)


@dataclass
class Cell:
    """One combination, and its pairs with the settings as they are."""

    candidate: Candidate
    pairs: list[ProcessPair] = field(default_factory=list)

    @property
    def time(self) -> float:
        """Over that of the settings as they are; the median over the rounds of the median question."""
        if self.candidate == NOW:
            return 1.0
        logs = judging.logs_of(self.pairs, images=True)
        return math.exp(statistics.median(logs)) if logs else math.inf

    def answers(self, side: str) -> dict[tuple[str, str], tuple[str, bool]]:
        every = itertools.chain.from_iterable(getattr(pair, side) for pair in self.pairs)
        return {(one.scene, one.question): (one.text, bool(one.right)) for one in every if one.has_image}


def cells(budgets: Sequence[int], *, is_short: bool) -> Iterator[Cell]:
    """All combinations; the settings as they are come first."""
    threads_of, flash_of = ((1,), ("auto",)) if is_short else (THREADS, ("auto", "off"))
    for tokens, threads, flash in itertools.product((0, *budgets), (0, *threads_of), flash_of):
        changes = {"image_tokens": tokens, "threads": threads, "flash_attention": flash}
        plain = {"image_tokens": 0, "threads": 0, "flash_attention": "auto"}
        yield Cell(Candidate(tuple(sorted((k, v) for k, v in changes.items() if v != plain[k]))))


def any_answer(*_: object, **__: object) -> AnswerVerdict:
    """The rule for a model that is never right."""
    return AnswerVerdict("as good", "speed alone decides here")


async def measured(asker: PairAsker, grid: list[Cell], rounds: int, questions: int) -> float:
    """Fill the cells, round by round; the seconds that the cells' own halves took."""
    spent_s = 0.0
    for number, cell in itertools.product(range(rounds), grid):
        if cell.candidate == NOW:  # the other side of every pair
            continue
        begun_s = time.monotonic()
        pair = await asker.pair(NOW, cell.candidate, number, questions)
        cell.pairs.append(pair)
        ours, theirs = (sum(one.e2e_s for one in side) for side in (pair.other, pair.one))
        own_s = (time.monotonic() - begun_s) * (ours / (ours + theirs) if ours else 1.0)
        spent_s += own_s
        print(f"  round {number + 1}, {cell.candidate.title}: {own_s:.1f} s {pair.failure}", flush=True)
    return spent_s


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="+", metavar="[SETTINGS] MODEL")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--questions", type=int, default=QUESTIONS_A_PROCESS)
    arguments = parser.parse_args()
    *config, model = arguments.words
    if config:
        os.environ["VIEWFINDER_CONFIG"] = str(Path(config[0]).absolute())
    is_random = bool(config)
    if arguments.short:
        ask.LEAST_QUESTIONS = 1
        run.space = lambda *_, **__: SHORT
    whole_rounds = judging.LEAST_PAIRS if is_random else judging.QUESTIONS_AT_LOOKS[0] // arguments.questions
    rounds = arguments.rounds or whole_rounds
    with tempfile.TemporaryDirectory() as home:
        os.environ["VIEWFINDER_HOME"] = home
        compare(model, rounds, whole_rounds, arguments, is_random=is_random)


def compare(
    model: str, rounds: int, whole_rounds: int, given: argparse.Namespace, *, is_random: bool
) -> None:
    """Both, and what the target says of them."""
    settings = load_settings()
    catalog = open_catalog(settings)
    card = card_of(catalog, model)
    variant, _ = choose_variant(card)
    grid = list(cells((64,) if is_random else variant.image_budgets, is_short=given.short))
    begun_s = time.monotonic()
    tuned = tune(
        model,
        dry_run=True,
        budget="4h",
        judge=any_answer if is_random else judging.answers,
        on_progress=told,
    )
    tune_s = time.monotonic() - begun_s
    print(json.dumps(tuned.as_json(), indent=1), flush=True)
    print(f"tune: {tune_s:.0f} s, load {os.getloadavg()[1]:.1f}", flush=True)
    with own_folders() as folders:
        asker = PairAsker(card, variant, catalog, settings.engine_of(card.name), folders, Deadline(0))
        spent_s = asyncio.run(measured(asker, grid, rounds, given.questions))
    exhaustive_s = spent_s * whole_rounds / rounds
    print(
        f"exhaustive: {exhaustive_s:.0f} s ({rounds} of {whole_rounds} rounds), load {os.getloadavg()[1]:.1f}"
    )
    fastest = report(grid, tuned.found.best, is_random=is_random)
    with own_folders() as folders:
        asker = PairAsker(card, variant, catalog, settings.engine_of(card.name), folders, Deadline(0))
        loss = asyncio.run(again(asker, tuned.found.best, fastest, given.questions))
    share = tune_s / exhaustive_s
    print(f"time of tune over that of the exhaustive run: {share:.3f}")
    print(f"target {'met' if loss <= LARGEST_LOSS and share <= LARGEST_SHARE else 'missed'}")


async def again(asker: PairAsker, ours: Candidate, fastest: Candidate, questions: int) -> float:
    """How many times as fast the fastest cell is as what `tune` found, in new pairs: the best of many cells
    looks better than it is."""
    if ours == fastest:
        return 1.0
    pairs = [await asker.pair(ours, fastest, AGAIN_FROM + number, questions) for number in range(AGAIN)]
    gain = judging.gain(judging.logs_of(pairs, images=True), 0.95)
    print(f"again, {AGAIN} pairs: {fastest.title} is {gain.value:.3f} times as fast as {ours.title} ", end="")
    print(f"({gain.low:.3f} to {gain.high:.3f})")
    return gain.value


def told(now: TuneProgress) -> None:
    step = now.step
    print(f"  {now.spent_s:.0f} s {step.doing} {step.candidate.title} {step.number}", flush=True)


def report(grid: list[Cell], best: Candidate, *, is_random: bool) -> Candidate:
    """The table; returns the fastest cell that is not worse."""
    judge = any_answer if is_random else judging.answers
    rows = []
    for cell in grid:
        ours, theirs = cell.answers("other"), cell.answers("one")
        verdict = judge(ours, theirs, is_exact="image_tokens" not in cell.candidate.title)
        rows.append((cell.time, cell, verdict))
    print("| settings | time | answers |\n| --- | --- | --- |")
    for ratio, cell, verdict in sorted(rows, key=lambda row: row[0]):
        print(f"| {cell.candidate.title} | {ratio:.2f} | {verdict.kind}: {verdict.says} |")
    good = [row for row in rows if row[2].kind != "worse"]
    fastest = min(good, key=lambda row: row[0])
    [ours] = [row for row in rows if row[1].candidate == best]
    print(f"exhaustive: {fastest[1].candidate.title}, {fastest[0]:.3f} of the time")
    print(f"tune: {best.title}, {ours[0]:.3f} of the time: {100 * ours[0] / fastest[0] - 100:+.1f} %")
    return fastest[1].candidate


if __name__ == "__main__":
    main()
