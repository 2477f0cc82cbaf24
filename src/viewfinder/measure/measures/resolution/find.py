"""From the answers at several image budgets to the cost of each, and to the smallest budget that does as well
as the largest; pure."""

import math
import statistics
from collections.abc import Iterable, Sequence
from itertools import chain

from viewfinder.catalog.card import Variant
from viewfinder.fleet.record.image_budgets import StoredBudget, StoredBudgets, budget_path
from viewfinder.measure import metrics
from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures import to_files
from viewfinder.measure.measures.base import ResultHeader
from viewfinder.measure.measures.resolution.ask import BUDGET_PREFIX, WITHOUT_IMAGE
from viewfinder.measure.measures.resolution.counts import ResolutionCounts
from viewfinder.measure.measures.resolution.result import Budget, BudgetVerdict, Resolution
from viewfinder.measure.metrics import E2E_S, TTFT_S
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.prompts import GUESSING
from viewfinder.measure.statistics import clusters, pairs
from viewfinder.measure.statistics.intervals import TooFew
from viewfinder.measure.statistics.pairs import NOT_INFERIOR
from viewfinder.measure.store.rows import Sample

LEAST_FOR_A_RANGE = 8


def resolution(logs: Sequence[ProcessLog], counts: ResolutionCounts, variant: Variant) -> Resolution:
    """The budgets, smallest first.

    The largest budget that was answered is the reference. From there down, each is tested against it at 5 %
    until one fails: in such a fixed sequence no correction for many tests is needed (Maurer, Hothorn and
    Lehmacher, Biometrie in der chem.-pharm. Industrie 6 (1995) 3).
    """
    scenarios = {sample.scenario for log in logs for sample in log.samples} - {WITHOUT_IMAGE}
    names = sorted(
        (one.removeprefix(BUDGET_PREFIX) for one in scenarios if one.startswith(BUDGET_PREFIX)),
        key=_tokens_or_pixels,
    )
    processes = {name: [kept for log in logs if (kept := log.of(BUDGET_PREFIX + name))] for name in names}
    texts = [sample for log in logs for sample in log.of(WITHOUT_IMAGE)]
    rows = {budget: _row(budget, of_it, texts) for budget, of_it in processes.items()}
    answered = [budget for budget, row in rows.items() if isinstance(row.accuracy, Figure)]
    if not answered:
        return Resolution(budgets=tuple(rows.values()), cheapest=Missing(missing="no budget was answered"))
    reference = answered.pop()
    rows[reference] = rows[reference].model_copy(update={"verdict": "reference"})
    best = _answers(chain.from_iterable(processes[reference]))
    for budget in answered:
        ours = _answers(chain.from_iterable(processes[budget]))
        rows[budget] = _judged(rows[budget], ours, best, reference)
    judged = [rows[budget] for budget in reversed(answered)]
    return Resolution(
        budgets=tuple(rows.values()),
        cheapest=_cheapest(rows[reference], judged),
        text_ttft=_range(texts, TTFT_S, "the first token of the same questions without their image"),
        lever=variant.image_lever,
    )


def _cheapest(reference: Budget, smaller: Sequence[Budget]) -> str | Missing:
    """The last budget, from the largest of the smaller ones down, before the first that is inferior."""
    if not smaller:
        return Missing(missing="there is no smaller budget to compare with")
    if isinstance(reference.accuracy, Figure) and reference.accuracy.low <= 100 * GUESSING:
        return Missing(missing="the answers at the largest budget are not surely better than guessing")
    cheapest = reference.budget
    for row in smaller:
        if row.verdict == "not inferior":
            cheapest = row.budget
        elif row.verdict == "inferior" or cheapest != reference.budget:
            break
        elif isinstance(row.difference, Missing):
            return row.difference
        else:
            needed = "" if row.more is None else f": needs about {row.more:,} more questions"
            which = f"{row.budget} is less than two points worse than {cheapest}"
            return Missing(missing=f"whether {which} is not shown{needed}")
    return cheapest


def _row(budget: str, processes: Sequence[Sequence[Sample]], texts: Sequence[Sample]) -> Budget:
    """The cost and the accuracy of a budget, from the samples of each server process; without a verdict."""
    exchanges = [[one.exchange for one in process] for process in processes]
    every = list(chain.from_iterable(processes))
    how = "requests with a new image and a question about it each, one at a time, warm"
    return Budget(
        budget=budget,
        asked=len(every),
        failed=sum(bool(one.exchange.error) for one in every),
        image_tokens=_image_tokens(every, texts),
        ttft=metrics.median(exchanges, TTFT_S, "s", f"time to the first token of {how}"),
        e2e=metrics.median(exchanges, E2E_S, "s", f"time of {how}"),
        accuracy=_accuracy(every),
        verdict="not measured",
        ttft_range=_range(every, TTFT_S, "the first token"),
        e2e_range=_range(every, E2E_S, "the whole answer"),
    )


def _range(every: Sequence[Sample], read: metrics.Reading, what: str) -> Measured:
    """What a single request takes: the median, and the 5th and the 95th percentile."""
    times = sorted(
        seconds
        for one in every
        if metrics.answered(one.exchange) and (seconds := read(one.exchange)) is not None
    )
    if len(times) < LEAST_FOR_A_RANGE:
        return Missing(missing=f"{len(times)} answers are too few for a range")
    cuts = statistics.quantiles(times, n=20, method="inclusive")
    how = f"median time to {what}; the range is that of nine of ten of {len(times)} requests"
    return Figure(
        value=statistics.median(times),
        low=cuts[0],
        high=cuts[-1],
        n=len(times),
        unit="s",
        how=how,
        is_range=True,
    )


def _accuracy(every: Sequence[Sample]) -> Measured:
    failed = [one.exchange for one in every if one.exchange.error]
    if len(failed) > metrics.MOST_FAILURES * len(every):
        return Missing(missing=metrics.failures("image", [one.exchange for one in every]))
    answers = _answers(every)
    share = clusters.share_by_scene((scene, right) for (scene, _), right in answers.items())
    n, images = len(answers), len({scene for scene, _ in answers})
    how = f"right answers to {n} questions about {images} images; failed requests are left out"
    return metrics.percent(share, n, how)


def _judged(row: Budget, ours: pairs.GradedAnswers, theirs: pairs.GradedAnswers, reference: str) -> Budget:
    try:
        contrast = pairs.compare(ours, theirs)
    except TooFew as why:
        return row.model_copy(update={"difference": Missing(missing=str(why))})
    if contrast.is_not_inferior(NOT_INFERIOR):
        verdict: BudgetVerdict = "not inferior"
    elif contrast.ceiling < -NOT_INFERIOR:
        verdict = "inferior"
    else:
        verdict = "not shown"
    more = contrast.more_to_judge(NOT_INFERIOR) if verdict == "not shown" else math.inf
    how = (
        f"accuracy minus that at {reference}, the same {contrast.n} questions; not inferior: the lower "
        f"one-sided 95 % bound, {100 * contrast.floor:+.1f} points, is above {-100 * NOT_INFERIOR:g}"
    )
    difference = metrics.percent((contrast.value, contrast.low, contrast.high), contrast.n, how, "points")
    needed = max(1, int(more)) if math.isfinite(more) else None
    return row.model_copy(update={"verdict": verdict, "difference": difference, "more": needed})


def _image_tokens(every: Sequence[Sample], texts: Sequence[Sample]) -> Measured:
    """A question's tokens with its image minus those without; they may depend on the image's shape."""
    bare = {(one.scene, one.question): one.exchange.prompt_tokens for one in texts if not one.exchange.error}
    found = [
        float(tokens - without)
        for one in every
        if (tokens := one.exchange.prompt_tokens) and (without := bare.get((one.scene, one.question)))
    ]
    if not found:
        return Missing(missing="the engine does not report how many tokens a prompt has")
    if min(found) <= 0:
        return Missing(missing="the engine does not count the tokens of an image")
    how = f"prompt tokens with an image minus those of the same question without; mean of {len(found)} images"
    mean, low, high = statistics.fmean(found), min(found), max(found)
    return Figure(value=mean, low=low, high=high, n=len(found), unit="tokens", how=how, is_range=True)


def _answers(samples: Iterable[Sample]) -> pairs.GradedAnswers:
    return {(one.scene, one.question): bool(one.right) for one in samples if not one.exchange.error}


def files(found: Resolution, header: ResultHeader) -> dict[str, bytes]:
    """The file from which the gateway and the fleet take the image budget."""
    answered = [one for one in found.budgets if isinstance(one.accuracy, Figure)]
    if not answered:
        return {}
    is_found = isinstance(found.cheapest, str)
    stored = StoredBudgets(
        **to_files.conditions(header),
        lever=found.lever,
        budgets=tuple(map(_stored, answered)),
        cheapest=found.cheapest if isinstance(found.cheapest, str) else "",
        evidence=_evidence(found, answered) if is_found else str(getattr(found.cheapest, "missing", "")),
        text_first_s=to_files.span(found.text_ttft),
    )
    return {budget_path(header.model, header.variant): stored.model_dump_json().encode()}


def _stored(budget: Budget) -> StoredBudget:
    return StoredBudget(
        name=budget.budget,
        accuracy_percent=budget.accuracy.value if isinstance(budget.accuracy, Figure) else None,
        image_tokens=to_files.span(budget.image_tokens),
        first_s=to_files.span(budget.ttft_range),
        whole_s=to_files.span(budget.e2e_range),
    )


def _evidence(found: Resolution, answered: Sequence[Budget]) -> str:
    """`accuracy +0.3 points against 1024 px (-0.9 to +1.5), 400 questions`."""
    chosen = next((one for one in answered if one.budget == found.cheapest), None)
    reference = answered[-1].budget
    if chosen is None or not isinstance(chosen.difference, Figure):
        return f"every budget below {reference} is worse, or not surely as good"
    value, low, high = (
        f"{number:+.1f}"
        for number in (chosen.difference.value, chosen.difference.low, chosen.difference.high)
    )
    return f"accuracy {value} points against {reference} ({low} to {high}), {chosen.difference.n} questions"


def _tokens_or_pixels(budget: str) -> float:
    """The key that sorts budgets, smallest first."""
    number = budget.partition(" ")[0]
    return math.inf if number == "all" else float(number)
