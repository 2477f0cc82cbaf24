"""From the answers of all processes to the troubles among them; pure."""

from collections.abc import Iterable, Sequence

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Facts
from viewfinder.measure.measures.stability import mixups, reproducer, scenarios
from viewfinder.measure.measures.stability.counts import StabilityCounts
from viewfinder.measure.measures.stability.mixups import References, Shown
from viewfinder.measure.measures.stability.result import Repeats, Stability
from viewfinder.measure.metrics import answered
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.troubles import failures
from viewfinder.measure.troubles.failures import rate, step_of
from viewfinder.measure.troubles.pictures import are_same
from viewfinder.measure.troubles.trouble import Code, Rate, Step, Trouble, corruption_in

_FEWEST_REPEATS = 3
_CAUSED_BY_MEMORY = (Code.PREV_IMAGE, Code.FROZEN_IMAGE, Code.CROSS_REQUEST)
_REPEAT_CODES = {"cache-split": Code.CACHE_SPLIT, "unstable": Code.UNSTABLE}
_Processes = Sequence[Sequence[Sample]]
"""The samples of each server process, in their order."""


def stability(logs: Sequence[ProcessLog], counts: StabilityCounts, variant: Variant) -> Stability:
    """The result of all processes."""
    return judge([log.samples for log in logs])


def facts(found: Stability | Missing) -> Facts:
    if isinstance(found, Missing):
        return Facts()
    corruption = corruption_in(found.troubles)
    if found.recovery in ("needs reload", "lasting"):
        corruption = (*corruption, "after an error its process answers no more")
    mix_ups = found.mix_ups
    leak_requests = mix_ups.asked if isinstance(mix_ups, Rate) else None
    return Facts(issues=found.issues, corruption=corruption, leak_requests=leak_requests)


def judge(processes: _Processes) -> Stability:
    """The result of the samples of these server processes."""
    fresh = mixups.references([of for process in processes if (of := _of(process, scenarios.REFERENCE))])
    walked = [one for process in processes for one in mixups.in_a_row(process, _is_walked)]
    found = mixups.causes(walked, fresh)
    counted = [one for one in walked if fresh.can_show(one)]
    mixed = [one for code in _CAUSED_BY_MEMORY for one in found.get(code, [])]
    repeated = [sample for process in processes for sample in _of(process, scenarios.REPEAT)]
    together, troubles_together = _together(processes, fresh, is_sound=not mixed)
    repeats = _repeats(repeated)
    wanted = [[one for one in process if one.scenario not in scenarios.PROVOKED] for process in processes]
    all_wanted = [one for process in wanted for one in process]
    missed = sum(failures.code_of(one.exchange) is not None for one in all_wanted)
    troubles = [
        *(_mixed_up(code, ones, counted, processes) for code, ones in found.items()),
        *troubles_together,
        *_of_repeats(repeats, repeated),
        *_second_call(wanted),
        *failures.failures(all_wanted),
    ]
    any_one = next(sample for process in processes for sample in process)
    # Errors that the measure provoked need no recovery; a request that was sent again shows one.
    recovered = [
        [one for one in process if one.scenario not in (scenarios.LEFT, scenarios.BROKEN)]
        for process in processes
    ]
    return Stability(
        references=fresh.agreement,
        repeats=repeats,
        mix_ups=_rate(mixed, counted)
        if counted
        else Missing(missing="no two of the pictures got different answers, so a mix-up would not be seen"),
        after=_after(counted, mixed),
        together=together,
        failures=rate(missed, len(all_wanted)),
        recovery=failures.recovery(recovered),
        troubles=reproducer.named(troubles, any_one.run, any_one.model),
    )


def _of(process: Iterable[Sample], scenario: str) -> list[Sample]:
    return [sample for sample in process if sample.scenario == scenario]


def _is_walked(sample: Sample) -> bool:
    return sample.scenario == scenarios.ONE_BY_ONE or sample.scenario.startswith(scenarios.AFTER)


def _came_after(sample: Sample) -> str:
    """The kind of request between this image and the one before, in words; "" when there was none."""
    return scenarios.BETWEEN.get(sample.scenario.removeprefix(scenarios.AFTER), "")


def _rate(events: Sequence[Shown], of: Sequence[Shown]) -> Rate:
    return rate(len(events), max(len(events), len(of)))


def _after(counted: Sequence[Shown], mixed: Sequence[Shown]) -> dict[str, Rate]:
    def among(shown: Sequence[Shown], words: str) -> list[Shown]:
        return [one for one in shown if _came_after(one.sample) == words]

    return {
        words: _rate(among(mixed, words), of)
        for words in scenarios.BETWEEN.values()
        if (of := among(counted, words))
    }


def _trouble(code: Code, how_often: Rate, expected: str, said: str, steps: Iterable[Step]) -> Trouble:
    return Trouble(code=code, rate=how_often, expected=expected, said=said, steps=tuple(steps))


def _mixed_up(code: Code, ones: Sequence[Shown], counted: Sequence[Shown], processes: _Processes) -> Trouble:
    one, is_frozen = ones[0], code is Code.FROZEN_IMAGE
    steps = _steps(one.sample, one.first if is_frozen else one.before, processes, whole=not is_frozen)
    found = _trouble(code, _rate(ones, counted), one.sample.expected, one.sample.exchange.text, steps)
    return found.model_copy(update={"after": _came_after(one.sample)})


def _steps(last: Sample, origin: Sample | None, processes: _Processes, *, whole: bool) -> list[Step]:
    """From the request with the other picture to the one that got its answer; the `whole` of the requests
    between them, too, where they may matter."""
    if origin is None:
        return [step_of(last)]
    process = next(process for process in processes if last in process)
    between = process[process.index(origin) + 1 : process.index(last)] if whole else []
    return [_step(origin), *map(_step, between), step_of(last)]


def _step(sample: Sample) -> Step:
    how = {scenarios.LEFT: "left", scenarios.BROKEN: "broken"}.get(sample.scenario, "asked")
    return step_of(sample).model_copy(update={"how": how})


def _together(
    processes: _Processes, fresh: References, *, is_sound: bool
) -> tuple[dict[int, Rate] | Missing, list[Trouble]]:
    """The rate of answers to another request, by the number of clients; and all troubles of those
    requests."""
    if not is_sound:
        return Missing(missing="images are mixed up one at a time already"), []
    rates: dict[int, Rate] = {}
    troubles: list[Trouble] = []
    asked = {sample.scenario for process in processes for sample in process}
    for scenario in sorted(name for name in asked if name.startswith(scenarios.TOGETHER)):
        shown = [one for process in processes for one in mixups.at_once(_of(process, scenario))]
        counted = [one for one in shown if fresh.can_show(one)]
        clients = int(scenario.removeprefix(scenarios.TOGETHER))
        for code, ones in mixups.causes(shown, fresh).items():
            if code is Code.CROSS_REQUEST:
                rates[clients] = _rate(ones, counted)
            troubles.append(_crossed(code, ones, counted, clients))
        if counted:
            rates.setdefault(clients, _rate([], counted))
    return rates or Missing(missing="no requests that were under way together were answered"), troubles


def _crossed(code: Code, ones: Sequence[Shown], counted: Sequence[Shown], clients: int) -> Trouble:
    sample, steps = ones[0].sample, map(step_of, (*ones[0].beside, ones[0].sample))
    found = _trouble(code, _rate(ones, counted), sample.expected, sample.exchange.text, steps)
    return found.model_copy(update={"after": f"{clients} requests at once", "together": True})


def _repeats(repeated: Sequence[Sample]) -> Repeats | Missing:
    texts = [sample.exchange.text for sample in repeated if answered(sample.exchange)]
    if len(texts) < _FEWEST_REPEATS:
        return Missing(missing=f"{len(texts)} of {len(repeated)} identical requests were answered")
    same_answer = all(are_same(texts[0], text) for text in texts)
    if len(set(texts)) == 1:
        kind = "bit-stable"
    elif len(set(texts[1:])) == 1:
        kind = "cache-split"
    else:
        kind = "numeric" if same_answer else "unstable"
    return Repeats(kind=kind, answers=len(texts), texts=len(set(texts)), same_answer=same_answer)


def _of_repeats(repeats: Repeats | Missing, repeated: Sequence[Sample]) -> list[Trouble]:
    if isinstance(repeats, Missing) or repeats.kind not in _REPEAT_CODES:
        return []
    first, *later = (sample for sample in repeated if answered(sample.exchange))
    others = [sample for sample in later if sample.exchange.text != first.exchange.text]
    how_often, steps = rate(len(others), 1 + len(later)), map(step_of, (first, others[0]))
    said = others[0].exchange.text
    return [_trouble(_REPEAT_CODES[repeats.kind], how_often, first.exchange.text, said, steps)]


def _second_call(wanted: _Processes) -> list[Trouble]:
    """Every fresh process answered its first image and failed at its second (mlx-vlm up to 0.4.0)."""
    pairs = [images[:2] for process in wanted if len(images := [one for one in process if one.scene]) > 1]
    failed = [pair for pair in pairs if answered(pair[0].exchange) and pair[1].exchange.error]
    if len(failed) < 2 or len(failed) < len(pairs):
        return []
    second, how_often = failed[0][1], rate(len(failed), len(pairs))
    steps = map(step_of, failed[0])
    return [_trouble(Code.SECOND_CALL_ERROR, how_often, second.expected, second.exchange.error, steps)]
