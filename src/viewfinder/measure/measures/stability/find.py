"""From the answers of all processes to what went wrong among them; pure."""

from collections.abc import Iterable, Sequence

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Facts
from viewfinder.measure.measures.stability import mixups, reproducer
from viewfinder.measure.measures.stability.counts import StabilityCounts
from viewfinder.measure.measures.stability.mixups import References, Shown
from viewfinder.measure.measures.stability.result import Repeats, Stability
from viewfinder.measure.measures.stability.scenarios import (
    AFTER,
    BETWEEN,
    BROKEN,
    LEFT,
    ONE_BY_ONE,
    PROVOKED,
    REFERENCE,
    REPEAT,
    TOGETHER,
)
from viewfinder.measure.metrics import answered
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.troubles import failures
from viewfinder.measure.troubles.failures import rate, step_of
from viewfinder.measure.troubles.pictures import are_same
from viewfinder.measure.troubles.trouble import Code, Rate, Step, Trouble, corruption_in

FEWEST_REPEATS = 3
_MIX_UPS = (Code.PREV_IMAGE, Code.FROZEN_IMAGE, Code.CROSS_REQUEST)


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


def judge(processes: Sequence[Sequence[Sample]]) -> Stability:
    """The result of these server processes, each with its exchanges in their order."""
    fresh = mixups.references([of for process in processes if (of := _of(process, REFERENCE))])
    walked = [one for process in processes for one in mixups.in_a_row(process, _is_walked)]
    found = mixups.causes(walked, fresh)
    telling = [one for one in walked if fresh.tells(one)]
    mixed = [one for code in _MIX_UPS for one in found.get(code, [])]
    repeated = [asked for process in processes for asked in _of(process, REPEAT)]
    together, troubles_together = _together(processes, fresh, is_sound=not mixed)
    repeats = _repeats(repeated)
    wanted = [[asked for asked in process if asked.scenario not in PROVOKED] for process in processes]
    all_wanted = [asked for process in wanted for asked in process]
    missed = sum(failures.code_of(asked.exchange) is not None for asked in all_wanted)
    troubles = [
        *(_mixed_up(code, ones, telling, processes) for code, ones in found.items()),
        *troubles_together,
        *_of_repeats(repeats, repeated),
        *_second_call(wanted),
        *failures.failures(all_wanted),
    ]
    any_one = next(sample for process in processes for sample in process)
    # Only of those that nobody provoked; but what was asked again shows the recovery.
    recovered = [[one for one in process if one.scenario not in (LEFT, BROKEN)] for process in processes]
    return Stability(
        references=fresh.agreement,
        repeats=repeats,
        mix_ups=_rate(mixed, telling)
        if telling
        else Missing(
            missing="no two of the pictures were answered differently, so a mix-up would not be seen"
        ),
        after=_after(telling, mixed),
        together=together,
        failures=rate(missed, len(all_wanted)),
        recovery=failures.recovery(recovered),
        troubles=reproducer.named(troubles, any_one.run, any_one.model),
    )


def _of(process: Iterable[Sample], scenario: str) -> list[Sample]:
    return [asked for asked in process if asked.scenario == scenario]


def _is_walked(asked: Sample) -> bool:
    return asked.scenario == ONE_BY_ONE or asked.scenario.startswith(AFTER)


def _came_after(asked: Sample) -> str:
    """What came between this image and the one before, in words; "" when nothing did."""
    return BETWEEN.get(asked.scenario.removeprefix(AFTER), "")


def _rate(events: Sequence[Shown], of: Sequence[Shown]) -> Rate:
    return rate(len(events), max(len(events), len(of)))


def _after(telling: Sequence[Shown], mixed: Sequence[Shown]) -> dict[str, Rate]:
    def among(shown: Sequence[Shown], words: str) -> list[Shown]:
        return [one for one in shown if _came_after(one.asked) == words]

    return {
        words: _rate(among(mixed, words), of) for words in BETWEEN.values() if (of := among(telling, words))
    }


def _mixed_up(
    code: Code, ones: Sequence[Shown], telling: Sequence[Shown], processes: Sequence[Sequence[Sample]]
) -> Trouble:
    one = ones[0]
    origin = one.first if code is Code.FROZEN_IMAGE else one.before
    return Trouble(
        code=code,
        rate=_rate(ones, telling),
        after=_came_after(one.asked),
        expected=one.asked.expected,
        said=one.asked.exchange.text[: failures.SAID_CHARACTERS],
        steps=_steps(one.asked, origin, processes, whole=code is not Code.FROZEN_IMAGE),
    )


def _steps(
    last: Sample, origin: Sample | None, processes: Sequence[Sequence[Sample]], *, whole: bool
) -> tuple[Step, ...]:
    """From the request that showed the other picture to the one that was answered with it; what came between
    them, too, where it may matter."""
    process = next(process for process in processes if last in process)
    if origin is None:
        return (step_of(last),)
    end = process.index(last)
    between = process[process.index(origin) + 1 : end] if whole else []
    return (_step(origin), *map(_step, between), step_of(last))


def _step(asked: Sample) -> Step:
    how = {LEFT: "left", BROKEN: "broken"}.get(asked.scenario, "asked")
    return step_of(asked).model_copy(update={"how": how})


def _together(
    processes: Sequence[Sequence[Sample]], fresh: References, *, is_sound: bool
) -> tuple[dict[int, Rate] | Missing, list[Trouble]]:
    """How many answers were another request's, by how many were under way; and what went wrong there."""
    if not is_sound:
        return Missing(missing="images are mixed up one at a time already"), []
    rates: dict[int, Rate] = {}
    troubles: list[Trouble] = []
    scenarios = {asked.scenario for process in processes for asked in process}
    for scenario in sorted(name for name in scenarios if name.startswith(TOGETHER)):
        shown = [one for process in processes for one in mixups.at_once(_of(process, scenario))]
        telling = [one for one in shown if fresh.tells(one)]
        clients = int(scenario.removeprefix(TOGETHER))
        for code, ones in mixups.causes(shown, fresh).items():
            if code is Code.CROSS_REQUEST:
                rates[clients] = _rate(ones, telling)
            troubles.append(_crossed(code, ones, telling, clients))
        if telling:
            rates.setdefault(clients, _rate([], telling))
    return rates or Missing(missing="no requests that were under way together were answered"), troubles


def _crossed(code: Code, ones: Sequence[Shown], telling: Sequence[Shown], clients: int) -> Trouble:
    one = ones[0]
    return Trouble(
        code=code,
        rate=_rate(ones, telling),
        after=f"{clients} requests at once",
        expected=one.asked.expected,
        said=one.asked.exchange.text[: failures.SAID_CHARACTERS],
        steps=(*map(step_of, one.beside), step_of(one.asked)),
        together=True,
    )


def _repeats(repeated: Sequence[Sample]) -> Repeats | Missing:
    texts = [asked.exchange.text for asked in repeated if answered(asked.exchange)]
    if len(texts) < FEWEST_REPEATS:
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
    codes = {"cache-split": Code.CACHE_SPLIT, "unstable": Code.UNSTABLE}
    if isinstance(repeats, Missing) or repeats.kind not in codes:
        return []
    said = [asked for asked in repeated if answered(asked.exchange)]
    other = next(asked for asked in said if asked.exchange.text != said[0].exchange.text)
    differ = sum(asked.exchange.text != said[0].exchange.text for asked in said)
    return [
        Trouble(
            code=codes[repeats.kind],
            rate=rate(differ, len(said)),
            expected=said[0].exchange.text[: failures.SAID_CHARACTERS],
            said=other.exchange.text[: failures.SAID_CHARACTERS],
            steps=(step_of(said[0]), step_of(other)),
        )
    ]


def _second_call(wanted: Sequence[Sequence[Sample]]) -> list[Trouble]:
    """Every fresh process answered its first image and failed at its second (mlx-vlm up to 0.4.0)."""
    pairs = [images[:2] for process in wanted if len(images := [one for one in process if one.scene]) > 1]
    failed = [pair for pair in pairs if answered(pair[0].exchange) and pair[1].exchange.error]
    if len(failed) < 2 or len(failed) < len(pairs):
        return []
    first, second = failed[0]
    return [
        Trouble(
            code=Code.SECOND_CALL_ERROR,
            rate=rate(len(failed), len(pairs)),
            expected=second.expected,
            said=second.exchange.error[: failures.SAID_CHARACTERS],
            steps=(step_of(first), step_of(second)),
        )
    ]
