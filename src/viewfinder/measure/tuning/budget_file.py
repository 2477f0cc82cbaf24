"""The image budget that a search took, as the file that `serve` applies: the rule and the form are those of
the measure `resolution`. Called by `api/tuning`."""

from collections.abc import Iterable

from viewfinder.catalog.card import Variant
from viewfinder.client.exchange import Exchange
from viewfinder.measure.measures.base import ResultHeader
from viewfinder.measure.measures.resolution import find
from viewfinder.measure.measures.resolution.ask import BUDGET_PREFIX, WITHOUT_IMAGE, sizes_of
from viewfinder.measure.measures.resolution.counts import ResolutionCounts
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.tuning.candidate import BUDGETS, LONGEST_PX, Candidate, ProcessPair, TimedReply


def budget_name(candidate: Candidate, variant: Variant) -> str | None:
    """How `resolution` calls it; None: the candidate changes more than the budget."""
    changes = dict(candidate.changes)
    if changes.keys() - BUDGETS:
        return None
    if variant.image_lever == "pixels":
        return f"{changes.get(LONGEST_PX, sizes_of(variant)[-1])} px"
    (tokens,) = changes.values() or (0,)
    return f"{tokens} tokens" if tokens else "all tokens"


def budget_files(
    measured: Iterable[tuple[Candidate, Candidate, ProcessPair]],
    taken: Candidate,
    variant: Variant,
    header: ResultHeader,
) -> dict[str, bytes]:
    """The file by its path in the state folder; empty where the rule of `resolution` does not find the budget
    that was taken."""
    logs = list(_logs(measured, variant, header))
    questions = sum(len(log.samples) for log in logs)
    found = find.resolution(logs, ResolutionCounts(len(logs), questions, 0.0), variant)
    if found.cheapest != budget_name(taken, variant):
        return {}
    return find.files(found, header)


def _logs(
    measured: Iterable[tuple[Candidate, Candidate, ProcessPair]], variant: Variant, header: ResultHeader
) -> Iterable[ProcessLog]:
    """One of each process; a question that a budget was asked twice counts once."""
    seen: set[tuple[str, str, str]] = set()
    number = 0
    for one, other, pair in measured:
        for candidate, replies in ((one, pair.one), (other, pair.other)):
            if (name := budget_name(candidate, variant)) is None:
                continue
            number += 1
            fresh = [reply for reply in replies if (name, reply.scene, _kind(reply)) not in seen]
            seen |= {(name, reply.scene, _kind(reply)) for reply in fresh}
            yield ProcessLog(number, [_sample(reply, name, number, header) for reply in fresh])


def _kind(reply: TimedReply) -> str:
    return f"{reply.has_image} {reply.question}"


def _sample(reply: TimedReply, name: str, number: int, header: ResultHeader) -> Sample:
    exchange = Exchange(
        0.0,
        reply.e2e_s,
        first_token_s=reply.ttft_s,
        last_token_s=reply.e2e_s,
        text=reply.text,
        prompt_tokens=reply.prompt_tokens,
        error=reply.error,
    )
    return Sample(
        run=header.run,
        model=header.model,
        process=number,
        scenario=BUDGET_PREFIX + name if reply.has_image else WITHOUT_IMAGE,
        question=reply.question,
        exchange=exchange,
        scene=reply.scene,
        right=reply.right,
    )
