"""From the answers of all processes to the troubles among them; pure."""

from collections.abc import Sequence

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import NOT_REACHED, Missing
from viewfinder.measure.measures.base import Facts
from viewfinder.measure.measures.stability import mixups, reproducer, scenarios
from viewfinder.measure.measures.stability.counts import StabilityCounts
from viewfinder.measure.measures.stability.mixups import References, Shown
from viewfinder.measure.measures.stability.result import Repeats, Stability
from viewfinder.measure.metrics import answered
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.troubles import failures
from viewfinder.measure.troubles.failures import rate, step_of, trouble
from viewfinder.measure.troubles.pictures import are_same
from viewfinder.measure.troubles.trouble import MIX_UPS, Code, HowSent, Rate, Trouble, corruption_in

_FEWEST_REPEATS = 3
_REPEAT_CODES = {"cache-split": Code.CACHE_SPLIT, "unstable": Code.UNSTABLE}
_MEANT_TO_FAIL: dict[str, HowSent] = {scenarios.LEFT: "left", scenarios.BROKEN: "broken"}


def facts(found: Stability | Missing) -> Facts:
    if isinstance(found, Missing):
        return Facts()
    corruption = corruption_in(found.troubles)
    if found.recovery in ("needs reload", "lasting"):
        corruption = (*corruption, "after an error its process answers no more")
    mix_ups = found.mix_ups
    leak_requests = mix_ups.asked if isinstance(mix_ups, Rate) else None
    harmless = (trouble.sentence for trouble in found.troubles if trouble.sentence not in found.issues)
    return Facts(
        issues=found.issues, limits=tuple(harmless), corruption=corruption, leak_requests=leak_requests
    )


def stability(logs: Sequence[ProcessLog], counts: StabilityCounts, variant: Variant) -> Stability | Missing:
    any_one = next((sample for log in logs for sample in log.samples), None)
    if any_one is None:
        return NOT_REACHED
    fresh = mixups.references([samples for log in logs if (samples := log.of(scenarios.REFERENCE))])
    walked = [one for log in logs for one in mixups.in_a_row(log.samples, _is_walked)]
    found = mixups.causes(walked, fresh)
    counted = [one for one in walked if fresh.can_show(one)]
    mixed = [one for code in MIX_UPS for one in found.get(code, [])]
    repeated = [sample for log in logs for sample in log.of(scenarios.REPEAT)]
    together, troubles_together = _together(logs, fresh, is_sound=not mixed)
    repeats = _repeats(repeated)
    wanted = [[one for one in log.samples if one.scenario not in scenarios.PROVOKED] for log in logs]
    all_wanted = [one for process in wanted for one in process]
    missed = sum(failures.code_of(one.exchange) is not None for one in all_wanted)
    troubles = [
        *(_mixed_up(code, ones, counted, logs) for code, ones in found.items()),
        *troubles_together,
        *_of_repeats(repeats, repeated),
        *_second_call(wanted),
        *failures.failures(all_wanted),
    ]
    # Errors that the measure provoked need no recovery; a request that was sent again shows one.
    recovered = [[one for one in log.samples if one.scenario not in _MEANT_TO_FAIL] for log in logs]
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


def _mixed_up(
    code: Code, ones: Sequence[Shown], counted: Sequence[Shown], logs: Sequence[ProcessLog]
) -> Trouble:
    """The steps lead from the request with the other picture to the one that got its answer; those between
    the two may matter, except where it is always the first picture."""
    one, is_frozen = ones[0], code is Code.FROZEN_IMAGE
    shown = [one.sample]
    if origin := one.first if is_frozen else one.before:
        process = next(log.samples for log in logs if one.sample in log.samples)
        between = [] if is_frozen else process[process.index(origin) + 1 : process.index(one.sample)]
        shown = [origin, *between, one.sample]
    steps = tuple(step_of(sample, _MEANT_TO_FAIL.get(sample.scenario, "asked")) for sample in shown)
    found = trouble(code, _rate(ones, counted), shown)
    return found.model_copy(update={"after": _came_after(one.sample), "steps": steps})


def _together(
    logs: Sequence[ProcessLog], fresh: References, *, is_sound: bool
) -> tuple[dict[int, Rate] | Missing, list[Trouble]]:
    """The rate of answers to another request, by the number of clients; and all troubles of those
    requests."""
    if not is_sound:
        return Missing(missing="images are mixed up one at a time already"), []
    rates: dict[int, Rate] = {}
    troubles: list[Trouble] = []
    asked = {sample.scenario for log in logs for sample in log.samples}
    for scenario in sorted(name for name in asked if name.startswith(scenarios.TOGETHER)):
        shown = [one for log in logs for one in mixups.at_once(log.of(scenario))]
        counted = [one for one in shown if fresh.can_show(one)]
        clients = int(scenario.removeprefix(scenarios.TOGETHER))
        found = mixups.causes(shown, fresh)
        crossed = found.get(Code.CROSS_REQUEST, [])
        if crossed or counted:
            rates[clients] = _rate(crossed, counted)
        how = {"after": f"{clients} requests at once", "together": True}
        for code, ones in found.items():
            of = trouble(code, _rate(ones, counted), (*ones[0].beside, ones[0].sample))
            troubles.append(of.model_copy(update=how))
    return rates or Missing(missing="no requests that were under way together were answered"), troubles


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
    how_often, shown = rate(len(others), 1 + len(later)), (first, others[0])
    return [trouble(_REPEAT_CODES[repeats.kind], how_often, shown, expected=first.exchange.text)]


def _second_call(wanted: Sequence[Sequence[Sample]]) -> list[Trouble]:
    """Every fresh process answered its first image and failed at its second (mlx-vlm up to 0.4.0)."""
    pairs = [images[:2] for process in wanted if len(images := [one for one in process if one.scene]) > 1]
    failed = [pair for pair in pairs if answered(pair[0].exchange) and pair[1].exchange.error]
    if len(failed) < 2 or len(failed) < len(pairs):
        return []
    return [trouble(Code.SECOND_CALL_ERROR, rate(len(failed), len(pairs)), failed[0])]
