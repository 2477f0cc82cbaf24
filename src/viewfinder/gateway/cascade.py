"""Requests for decisions to a `cascade:` name: the first model is asked everything, the second one what the
first is not sure of.

Mounted by `app` at POST /v1/decisions. How sure a model is of a question is its calibrated probability.
Sure enough is the request's `threshold`, or else how often the second model was right when it was measured:
below that, it is worth asking.

    the first model        what happens
    is not calibrated      400 not_calibrated, before anything is loaded
    is not sure            the question is put to the second one, whose answer counts
    fails, is quarantined  the questions that it did not answer are put to the second one
    the second one fails   its error: an answer that is not sure is not passed off as one
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from starlette.types import Scope, Send

from viewfinder.catalog.auto_names import CASCADE_PREFIX
from viewfinder.core.errors import (
    Busy,
    ContextExceeded,
    EngineError,
    EngineMissing,
    EngineRefused,
    MemoryShort,
    UnsupportedParameter,
    ViewfinderError,
)
from viewfinder.fleet.cascade import CascadePair
from viewfinder.fleet.record.calibrations import HOW_TO
from viewfinder.fleet.routing import ILL_STATES, ModelRoute, PassedOver, RoutedModel
from viewfinder.gateway.auto import CHOSEN, ModelChoice, needs_of
from viewfinder.gateway.chat import with_ignored
from viewfinder.gateway.decisions import DecisionRelay, Decisions, each, summed
from viewfinder.gateway.problems import CALLERS_FAULT
from viewfinder.gateway.relay import send_json
from viewfinder.gateway.request_record import USAGE
from viewfinder.gateway.sender import KEY_OWNER
from viewfinder.wire.chat import ParsedRequest
from viewfinder.wire.decisions.answer import AnsweredBy, Calibrations, Decided, DecisionAnswer
from viewfinder.wire.decisions.wording import DecisionKind

UNCALIBRATED = "not_calibrated"
_KIND_WORDS: Mapping[DecisionKind, str] = {"predicate": "yes or no", "choice": "choices", "score": "scores"}
_ILL_WORDS = {"quarantined": "it is in quarantine", "backoff": "it died and is started again soon"}
Levels = Mapping[DecisionKind, float]
"""From which confidence on an answer of the first model counts, by kind of question."""


@dataclass(slots=True)
class CascadeStage:
    """What one model of a cascade has decided, by the place of the question, and why it decided no more."""

    model: str
    variant: str
    decided: dict[int, Decided] = field(default_factory=dict)
    known: Calibrations = field(default_factory=Calibrations)
    relay: DecisionRelay | None = None
    headers: dict[str, str] = field(default_factory=dict)
    failure: str = ""


class CascadedDecisions(Decisions):
    """The endpoint."""

    async def answered(self, parsed: ParsedRequest, scope: Scope, send: Send) -> None:
        name = self.fleet.catalog.meant(parsed.request.model)
        if not name.startswith(CASCADE_PREFIX):
            return await super().answered(parsed, scope, send)
        models = await self.auto.here(self.fleet, self.settings)
        needs = needs_of(parsed.request, models, None, 0)
        pair = await self.auto.pair(self.fleet, self.settings, name, needs)
        await self.in_turn(name, pair, parsed, scope, send)
        return None

    async def in_turn(
        self, name: str, pair: CascadePair, parsed: ParsedRequest, scope: Scope, send: Send
    ) -> None:
        """Answer a request with these two models. Raises only before anything was sent."""
        answer = parsed.answer
        if not isinstance(answer, DecisionAnswer):
            raise TypeError("only a request for decisions has questions")
        levels = await self.levels(pair, answer)
        first, second = (
            CascadeStage(one, self.fleet.variant_of(one).name) for one in (pair.first, pair.second)
        )
        everything = range(len(answer.asked.put))
        try:
            await self.first_answers(first, answer, parsed, scope)
            unsure = [at for at in everything if not _is_sure(at, first, answer, levels)]
            if unsure:
                await self.ask(second, answer, unsure, parsed, scope, first.relay)
            choice = _choice(name, pair, first, second, levels, answer.asked.request.threshold)
            last = second if second.relay is not None else first
            if last.relay is None or choice.route.chosen is None:
                raise RuntimeError("no model of a cascade was asked")
            scope[CHOSEN] = choice
            id, usage = last.relay.envelope[1], _usage(first, second)
            answers = [_answer(at, answer, first, second, levels) for at in everything]
            reply = answer.reply(id, answers, usage) | {"model": choice.route.chosen.model}
            headers = last.headers | self.auto.headers(scope, id)
            await send_json(reply, with_ignored(headers, parsed, last.relay), send)
        finally:
            scope[USAGE] = usage = _usage(first, second)
            if key := scope.get(KEY_OWNER, ""):
                self.on_usage(key, usage)

    async def levels(self, pair: CascadePair, answer: DecisionAnswer) -> Levels:
        """Raises UnsupportedParameter where a model has no calibration for a kind of question of these."""
        least, kinds = answer.asked.request.threshold, {one.kind for one in answer.asked.put}
        _require_curves(pair.first, await self.calibrations(pair.first, any_version=True), kinds)
        known = await self.calibrations(pair.second, any_version=True)
        _require_curves(pair.second, known, kinds)
        if least is not None:
            return dict.fromkeys(kinds, least)
        if missing := kinds - known.right.keys():
            raise _uncalibrated(pair.second, f"how often it is right was not measured ({_kinds(missing)})")
        return {kind: known.right[kind] for kind in kinds}

    async def first_answers(
        self, stage: CascadeStage, answer: DecisionAnswer, parsed: ParsedRequest, scope: Scope
    ) -> None:
        """Ask the first model everything; where it fails, what it did not answer is left to the second."""
        if (state := self.fleet.state_of(stage.model)) in ILL_STATES:
            stage.failure = _ILL_WORDS.get(state, state)
            return
        try:
            await self.ask(stage, answer, range(len(answer.asked.put)), parsed, scope)
        except ViewfinderError as error:
            if not _gives_way(error):
                raise
            stage.failure = error.reason

    async def ask(
        self,
        stage: CascadeStage,
        answer: DecisionAnswer,
        places: Iterable[int],
        parsed: ParsedRequest,
        scope: Scope,
        before: DecisionRelay | None = None,
    ) -> None:
        """Ask a model these questions; its answers have the id of those of the relay `before` it."""
        request = parsed.request.model_copy(update={"model": stage.model})
        relay, stage.headers = await self.relay(replace(parsed, request=request), scope, DecisionRelay)
        if before is not None:
            relay.envelope = (stage.model, *before.envelope[1:])
        stage.relay = relay
        kinds = {one.kind for one in answer.asked.put}
        async for at, one in each(relay, answer.asked, places):
            if (
                not stage.decided
            ):  # it is loaded now: whether its engine is the one that was measured is known
                stage.known = await self.calibrations_for(relay.request.model, [one])
                _require_curves(stage.model, stage.known, kinds)
            stage.decided[at] = one


def _require_curves(model: str, known: Calibrations, kinds: set[DecisionKind]) -> None:
    if missing := kinds - known.curves.keys():
        raise _uncalibrated(model, f"{known.why.partition(' (')[0]} ({_kinds(missing)})")


def _uncalibrated(model: str, why: str) -> UnsupportedParameter:
    return UnsupportedParameter(
        f"A cascade needs calibrated probabilities, and '{model}' has none: {why}.",
        hint=f"R{HOW_TO.format(model=model)[1:]}. Until then, ask one model.",
        param="model",
        code=UNCALIBRATED,
    )


def _kinds(kinds: Iterable[DecisionKind]) -> str:
    return ", ".join(_KIND_WORDS[kind] for kind in sorted(kinds))


def _gives_way(error: ViewfinderError) -> bool:
    """Whether the second model may answer where the first one raised this."""
    if isinstance(error, EngineRefused):
        return error.status not in CALLERS_FAULT
    if isinstance(error, Busy):
        return error.reason in ("queue_full", "unloading")
    may = isinstance(error, (EngineError, MemoryShort, ContextExceeded))
    return may and not isinstance(error, EngineMissing)


def _is_sure(at: int, first: CascadeStage, answer: DecisionAnswer, levels: Levels) -> bool:
    if at not in first.decided:
        return False
    return answer.confidence(at, first.decided[at], first.known) >= levels[answer.asked.put[at].kind]


def _answer(
    at: int, answer: DecisionAnswer, first: CascadeStage, second: CascadeStage, levels: Levels
) -> dict[str, object]:
    """The answer that counts, with its model and why it is that one's."""
    level = levels[answer.asked.put[at].kind]
    if at not in first.decided:
        why = f"{first.model} was passed over: {first.failure}"
    else:
        sure = answer.confidence(at, first.decided[at], first.known)
        compared = "below" if at in second.decided else "at least"
        why = f"{first.model} was {sure:.2f} sure, {compared} {level:.2f}"
    by = second if at in second.decided else first
    return answer.decided(at, by.decided[at], by.known, AnsweredBy(by.model, why))


def _choice(
    name: str,
    pair: CascadePair,
    first: CascadeStage,
    second: CascadeStage,
    levels: Levels,
    threshold: float | None,
) -> ModelChoice:
    """Who answered what, for the header and for `viewfinder why`."""
    asked = len(first.decided.keys() | second.decided.keys())
    failed = f"{first.model} was passed over: {first.failure}" if first.failure else ""
    by_kind = ", ".join(f"{levels[kind]:.2f} ({_KIND_WORDS[kind]})" for kind in sorted(levels))
    level = (
        f"{threshold:g}, the threshold of the request"
        if threshold is not None
        else f"{by_kind}: how often {second.model} was right when it was measured"
    )
    kept = asked - len(second.decided)
    unsure = len(second.decided.keys() & first.decided.keys())
    parts = [failed] if failed else []
    parts += [f"{first.model} answered {kept} of {asked} questions"] if first.decided else []
    parts += [f"{second.model} {len(second.decided)}"] if second.decided else []
    parts += [f"{first.model} was less sure of {unsure} than {level}"] if unsure else []
    parts += [f"it was at least as sure of each as {level}"] if not second.decided else []
    model = pair.name if kept and second.decided else (second if second.decided else first).model
    variants = [one.variant for one in (first, second) if one.decided]
    why = "; ".join(parts)
    others = [
        PassedOver(one.model, one.variant, one.failure or "the other one was sure enough")
        for one in (first, second)
        if not one.decided
    ]
    return ModelChoice(
        name, ModelRoute(RoutedModel(model, ", ".join(variants), pair.reason, why), (*others,))
    )


def _usage(*stages: CascadeStage) -> dict[str, object]:
    return summed(stage.relay.usage for stage in stages if stage.relay is not None)
