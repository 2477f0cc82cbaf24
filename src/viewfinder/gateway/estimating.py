"""POST /v1/estimate: what a request will take, from what was measured here, before it is run; mounted by
`app`. It loads no model.

A request takes the same way as one that is answered, up to its engine: what would be refused is refused.
"""

import uuid
from functools import partial

from starlette.types import Receive, Scope, Send

from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.record.image_budgets import StoredBudget
from viewfinder.fleet.record.measured_costs import MEMORY_COSTS
from viewfinder.fleet.record.measured_file import MeasuredSpan
from viewfinder.gateway.chat import Chat, PreparedRequest
from viewfinder.gateway.estimate_types import EstimatedNumber, RequestEstimate
from viewfinder.gateway.image_budget import (
    HOW_TO_MEASURE,
    costs_of,
    profile_of,
    size_of,
    started_tokens,
    version_of,
)
from viewfinder.gateway.openapi import IGNORED_HEADER
from viewfinder.gateway.prediction import MeasuredCosts, predicted
from viewfinder.gateway.relay import send_json, while_connected
from viewfinder.gateway.sender import sender
from viewfinder.wire.chat import ParsedRequest, renamed

TIMED_PX = 512
"""Of the pictures by whose times `bench` without image budgets knows a variant."""
HOW_TO_LOAD = "viewfinder load {model}"


class Estimating:
    """An ASGI endpoint: the requests of `chat` are estimated."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        await while_connected(receive, self.answer([message.pop("body")], scope, send))

    async def answer(self, only: list[bytearray], scope: Scope, send: Send) -> None:
        """Estimate one request. The body is taken out of its list, as by `Chat`."""
        chat = self.chat
        parsed = await chat.parser.parse(only.pop(), sender(scope).name, chat.dialect_of(scope))
        attempt = partial(self.attempt, scope=scope, send=send)
        with renamed(parsed.where):
            await chat.auto.answered(chat.fleet, chat.settings, parsed, scope, attempt)

    async def attempt(self, parsed: ParsedRequest, scope: Scope, send: Send) -> None:
        """Estimate it for the model that the request names."""
        whole = await self.chat.prepared(parsed, scope)
        found = estimate(self.chat.fleet, whole)
        headers = self.chat.auto.headers(scope, f"estimate-{uuid.uuid4().hex}") | whole.budget.headers
        if parsed.ignored:
            headers |= {IGNORED_HEADER: ", ".join(parsed.ignored)}
        await send_json(found.model_dump(), headers, send)


def estimate(fleet: Fleet, whole: PreparedRequest) -> RequestEstimate:
    """What this request will take."""
    request, variant = whole.request, whole.variant
    name = fleet.card(request.model).name
    costs, size = costs_of(fleet, request.model, variant), size_of(request, len(whole.shown))
    budget, unknown = _budget_of(fleet, whole, costs)
    times = None if unknown else predicted(costs, size, budget)
    why = unknown or _why_no_times(costs, bool(whole.shown))
    measure = HOW_TO_MEASURE.format(model=name)
    tokens = budget.image_tokens if budget is not None else None
    return RequestEstimate(
        object="estimate",
        model=name,
        variant=variant.name,
        engine=variant.engine,
        state=fleet.state_of(whole.budget.model_for(request.model)),
        images=len(whole.shown),
        image_budget=whole.budget.says or None,
        answer_tokens=size.answer_tokens,
        image_tokens=_known(_scaled(tokens, len(whole.shown)), why or "its engine counts none", measure)
        if whole.shown
        else _exactly(0),
        first_token_s=_known(times.first_s if times else None, why, measure),
        whole_s=_known(times.whole_s if times else None, why or "its speed of writing is unknown", measure),
        load_s=_load_of(fleet, whole, name),
        peak_memory_bytes=_memory_of(fleet, whole, name),
    )


def _budget_of(fleet: Fleet, whole: PreparedRequest, costs: MeasuredCosts) -> tuple[StoredBudget | None, str]:
    """The measured budget that the images come closest to, from above; and why there is none that tells, if
    the times without one do not either."""
    if not whole.shown:
        return None, ""
    edge = max(max(image.width, image.height) for image in whole.shown)
    is_any_size = (
        whole.variant.image_lever == "image_tokens"
        or (whole.variant.image_input_px or TIMED_PX + 1) <= TIMED_PX
    )
    too_large = f"a picture of {edge} pixels is larger than what was measured"
    if isinstance(costs.budgets, str):
        return None, "" if is_any_size or edge <= TIMED_PX else too_large
    if costs.budgets.lever == "image_tokens":
        tokens = started_tokens(fleet, whole.budget.model_for(whole.request.model), whole.variant)
        named = costs.budgets.named(f"{tokens} tokens") if tokens else costs.budgets.reference
        return named, "" if named else f"the budget of {tokens} tokens was not measured"
    for budget in costs.budgets.budgets:
        if (budget.longest_px or 0) >= edge:
            return budget, ""
    is_any_size = whole.variant.image_input_px is not None
    return (costs.budgets.reference, "") if is_any_size else (None, too_large)


def _why_no_times(costs: MeasuredCosts, has_images: bool) -> str:
    """The reason where a time is missing; empty: another one."""
    if isinstance(costs.latency, str) and (isinstance(costs.budgets, str) or not has_images):
        return costs.budgets if has_images and isinstance(costs.budgets, str) else costs.latency
    return ""


def _load_of(fleet: Fleet, whole: PreparedRequest, name: str) -> EstimatedNumber:
    called = whole.budget.model_for(whole.request.model)
    if fleet.state_of(called) == "ready" or whole.variant.server is not None:
        return _exactly(0)
    profile = profile_of(fleet, called, whole.variant)
    if profile is None:
        return _unknown("it was never loaded here", HOW_TO_LOAD.format(model=name))
    return _number(profile.load_s, profile.load_s, profile.load_s, 1)


def _memory_of(fleet: Fleet, whole: PreparedRequest, name: str) -> EstimatedNumber:
    """The most that its server's process tree holds: as `bench` measured it, and as it was seen since."""
    variant = whole.variant
    if variant.server is not None:
        return _unknown("its server is not ours to look into", None)
    version = version_of(fleet, whole.request.model, variant)
    measured = fleet.image_budgets.costs.of(MEMORY_COSTS, name, variant.name, version)
    span = None if isinstance(measured, str) else measured.get("peak_bytes")
    profile = profile_of(fleet, whole.request.model, variant)
    seen = max(profile.peak_bytes, profile.ready_bytes) if profile else 0
    if span is not None:
        return _number(max(span.value, seen), span.low, max(span.high, seen), span.n)
    if profile is not None and seen:
        return _number(seen, min(profile.ready_bytes or seen, seen), seen, 1)
    return _unknown(str(measured), HOW_TO_MEASURE.format(model=name))


def _scaled(span: MeasuredSpan | None, by: int) -> MeasuredSpan | None:
    if span is None:
        return None
    return MeasuredSpan(value=span.value * by, low=span.low * by, high=span.high * by, n=span.n)


def _known(span: MeasuredSpan | None, why: str, command: str) -> EstimatedNumber:
    if span is None:
        return _unknown(why or "it was not measured", command)
    return _number(span.value, span.low, span.high, span.n)


def _number(value: float, low: float, high: float, n: int) -> EstimatedNumber:
    return EstimatedNumber(
        value=float(value), low=float(low), high=float(high), requests=n, reason=None, command=None
    )


def _exactly(value: float) -> EstimatedNumber:
    return EstimatedNumber(
        value=float(value), low=float(value), high=float(value), requests=None, reason=None, command=None
    )


def _unknown(why: str, command: str | None) -> EstimatedNumber:
    return EstimatedNumber(value=None, low=None, high=None, requests=None, reason=why, command=command)
