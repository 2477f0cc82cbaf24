"""POST /v1/decisions: typed questions about one input, each answered by the probabilities of named answers.

Mounted by `app`. A question is asked once in each order of its answers, with one token of answer: an engine
knows the beginning of the prompt again, with its images. Each of these requests to the engine takes a lease
of its own, so that others take their turns between them.
"""

import asyncio
import copy
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Any

from starlette.types import Scope, Send

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.full_images import base_name
from viewfinder.client.endpoint import Endpoint
from viewfinder.core import paths
from viewfinder.core.config import Limits, Settings
from viewfinder.core.errors import EngineRefused, UnsupportedParameter
from viewfinder.engines.registry import engines
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.process.lease import Lease
from viewfinder.fleet.record.calibrations import calibrations_of
from viewfinder.gateway.auto import AutoModels
from viewfinder.gateway.chat import Chat, RelayT, with_ignored
from viewfinder.gateway.relay import Relay, send_json
from viewfinder.gateway.request_record import USAGE
from viewfinder.gateway.sender import KEY_OWNER
from viewfinder.gateway.tools import EngineBody
from viewfinder.media.intake import Intake
from viewfinder.wire.chat import ParsedRequest
from viewfinder.wire.decisions.answer import AnsweredBy, Calibrations, Decided, DecisionAnswer
from viewfinder.wire.decisions.head import head_answer, head_request, head_usage
from viewfinder.wire.decisions.probabilities import (
    Mass,
    grammar_of,
    of_first_token,
    of_whole_answer,
    tokens_for,
)
from viewfinder.wire.decisions.translate import TranslatedDecisions, question_images, translate
from viewfinder.wire.dialect import Dialect, Translated
from viewfinder.wire.outline import Place
from viewfinder.wire.responses.translate import image_places
from viewfinder.wire.tool_history import followed

NEEDED = "logprobs"
"""The field of a request that an engine must have."""
NOT_OF_A_HEAD = "its decision head was asked, and bench calibrates what a model writes"
MOST_WHOLE = 32
"""The most answers of one question that are asked for one by one, where their first token is the same."""


class DecisionsDialect(Dialect):
    """The dialect."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    def images(self, value: Any) -> list[Place]:
        return [*image_places(value), *question_images(value)]

    def translate(self, raw: dict[str, Any]) -> Translated:
        asked = translate(raw, self.limits)
        return Translated(asked.fields, DecisionAnswer(asked), asked.ignored, asked.where)


class HasDecisionHead(Exception):
    """The model has a decision head: what it writes is not asked for."""


class DecisionRelay(Relay):
    """Gets the log-probabilities of one answer."""

    head: dict[str, Any] | None = None
    """The body for the model's decision head, in place of that for a chat."""

    async def by_head(self, body: dict[str, Any], answers: tuple[str, ...]) -> Decided:
        """What the model's decision head says to a question."""
        one = copy.copy(self)
        one.head = body
        raw = await one.reply()
        self._reported = summed((self._reported, one.usage))
        return Decided((head_answer(raw, answers),), is_whole=False, requests=1, by_head=True)

    async def tokens(self, content: Any, held_to: str = "") -> list[dict[str, Any]]:
        """Those of the answer to the last message with this content; `held_to`: the only answer it may be.

        Raises UnsupportedParameter where the engine tells none, or cannot be held to an answer.
        """
        one = copy.copy(self)
        messages = [*self.body["messages"][:-1], {**self.body["messages"][-1], "content": content}]
        one.body = {**self.body, "messages": messages}
        if held_to:
            one.body |= {"grammar": grammar_of(held_to), "max_tokens": tokens_for(held_to)}
        reply = await one.reply()
        self._reported = summed((self._reported, one.usage))
        self.ignored = [name for name in one.ignored if name != "enable_thinking"]
        logprobs = reply["choices"][0]["logprobs"]
        if not (logprobs and logprobs["content"]):
            raise without_logprobs(self.request.model, "its engine told none")
        tokens: list[dict[str, Any]] = logprobs["content"]
        return tokens

    def _attempt(self, lease: Lease) -> AsyncGenerator[dict[str, Any], None]:
        if self.head is not None:
            return self._asked_of_head(lease, self.head)
        if lease.client.endpoint.decision_path:
            raise HasDecisionHead
        return super()._attempt(lease)

    async def _asked_of_head(
        self, lease: Lease, body: dict[str, Any]
    ) -> AsyncGenerator[dict[str, Any], None]:
        raw = await lease.client.complete(body, lease.client.endpoint.decision_path)
        lease.chunk_arrived()
        yield {**raw, "usage": head_usage(raw)}

    def _for_engine(self, endpoint: Endpoint) -> EngineBody:
        if NEEDED in endpoint.lacks:
            raise without_logprobs(self.request.model, "its engine tells none")
        facts = endpoint.template
        if "grammar" in self.body and not (facts is not None and facts.is_of_llama_cpp):
            raise UnsupportedParameter(
                f"The answers cannot be told apart by their first words on the engine of "
                f"'{self.request.model}'.",
                hint="Word them so that each begins with another word, or use a variant on llama.cpp.",
                param="questions",
            )
        return super()._for_engine(endpoint)

    def _allow_silence(self, choices: Iterable[Mapping[str, Any]]) -> None:
        """That a model would say nothing is an answer, too: the log-probabilities tell the others."""

    def _delivered(self, lease: Lease) -> None:
        """One id stands for all answers of a request: what was wrong with one of them stays known."""
        known = self.fleet.answers.get(self.envelope[1])
        if known is None or known.status != "suspect":
            super()._delivered(lease)


class Decisions(Chat):
    """The endpoint."""

    kind = DecisionRelay

    def __init__(
        self,
        fleet: Fleet,
        intake: Intake,
        settings: Settings,
        on_usage: Callable[[str, Mapping[str, Any]], None],
        auto: AutoModels | None = None,
    ) -> None:
        super().__init__(fleet, intake, settings, on_usage, DecisionsDialect(settings.limits), auto)

    async def attempt(self, parsed: ParsedRequest, scope: Scope, send: Send) -> None:
        """Answer a request with the model that it names, question by question."""
        relay, headers = await self.relay(parsed, scope, DecisionRelay)
        try:
            reply = await self.decisions(relay, parsed)
            await send_json(reply, with_ignored(headers, parsed, relay), send)
        finally:
            scope[USAGE] = relay.usage
            if key := scope.get(KEY_OWNER, ""):
                self.on_usage(key, relay.usage)

    async def decisions(self, relay: DecisionRelay, parsed: ParsedRequest) -> dict[str, Any]:
        """The whole reply."""
        answer = parsed.answer
        if not isinstance(answer, DecisionAnswer):
            raise TypeError("only a request for decisions has questions")
        by = AnsweredBy(relay.envelope[0])
        decided = [one async for _, one in each(relay, answer.asked, range(len(answer.asked.put)))]
        known = await self.calibrations_for(relay.request.model, decided)
        answers = [answer.decided(at, one, known, by) for at, one in enumerate(decided)]
        reply = answer.reply(relay.envelope[1], answers, relay.usage)
        return reply | {"model": by.model}

    async def calibrations_for(self, model: str, decided: Iterable[Decided]) -> Calibrations:
        """Those that hold for what this model has decided."""
        if any(one.by_head for one in decided):
            return Calibrations(why=NOT_OF_A_HEAD)
        return await self.calibrations(model)

    async def calibrations(self, model: str, *, any_version: bool = False) -> Calibrations:
        """Those of the variant that has answered; `any_version`: also of another version of its engine."""
        card, variant = self.fleet.card(model), self.fleet.variant_of(model)
        server = self.fleet.server_of(model)
        version = None if any_version else server.engine_version if server is not None else ""
        name = base_name(card.name)
        return await asyncio.to_thread(calibrations_of, paths.home(), name, variant.name, version)

    async def relay(
        self, parsed: ParsedRequest, scope: Scope, kind: type[RelayT]
    ) -> tuple[RelayT, dict[str, str]]:
        card = self.fleet.card(parsed.request.model)
        variant = self.fleet.variant_of(parsed.request.model)
        if lacks_logprobs(variant):
            raise without_logprobs(parsed.request.model, f"{variant.engine} tells none", card)
        return await super().relay(parsed, scope, kind)


async def each(
    relay: DecisionRelay, asked: TranslatedDecisions, places: Iterable[int]
) -> AsyncGenerator[tuple[int, Decided], None]:
    """Ask the questions at these places, one after the other."""
    before = relay.body["messages"][-1]["content"]
    for at in places:
        question = asked.put[at]
        contents = [with_question(before, text, asked, at) for text in question.texts]
        try:
            decided = await decide(relay, contents, question.answers, f"questions[{at}]")
        except HasDecisionHead:
            messages = [
                *relay.body["messages"][:-1],
                *_without_question(relay.body["messages"][-1], asked, at),
            ]
            try:
                decided = await relay.by_head(head_request(asked, at, messages), question.answers)
            except ValueError as error:
                raise EngineRefused(f"The engine's reply is no decision: {error}.") from None
        yield at, decided


async def decide(relay: DecisionRelay, contents: list[Any], answers: tuple[str, ...], path: str) -> Decided:
    """Ask one question in all orders: by the first token, or else by whole answers."""
    try:
        firsts = [of_first_token(await relay.tokens(content), answers) for content in contents]
        if all(mass is not None for mass in firsts):
            return Decided(tuple(mass for mass in firsts if mass), False, len(contents))
        if len(answers) > MOST_WHOLE:
            raise UnsupportedParameter(
                f"The {len(answers)} answers of '{path}' begin alike: at most {MOST_WHOLE} such are asked "
                "for one by one.",
                hint="Word them so that each begins with another word, or ask in two steps.",
                param=path,
            )
        masses = []
        for content in contents:
            likely = [of_whole_answer(await relay.tokens(content, one), one) for one in answers]
            masses.append(Mass(tuple(likely)))
    except ValueError as error:
        raise EngineRefused(f"The engine's reply is no decision: {error}.") from None
    return Decided(tuple(masses), True, len(contents) * (1 + len(answers)))


def with_question(content: Any, text: str, asked: TranslatedDecisions, at: int) -> Any:
    """The content of the last message with this question and its images in place of those of all."""
    if isinstance(content, str):
        return text if asked.before is None else followed(asked.before, text)
    *shown, _ = content
    first = len(shown) - sum(asked.pictures)
    begin = first + sum(asked.pictures[:at])
    parts = [*shown[:first], *shown[begin : begin + asked.pictures[at]]]
    return [*parts, {"type": "text", "text": text}] if parts else text


def _without_question(last: dict[str, Any], asked: TranslatedDecisions, at: int) -> list[dict[str, Any]]:
    """The last message without a question, with this one's images; none where nothing is left."""
    content = with_question(last["content"], "", asked, at)
    if isinstance(content, str):
        return [] if asked.before is None else [{**last, "content": asked.before}]
    return [{**last, "content": content[:-1]}]


def summed(usages: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The usage of several requests together."""
    known = [usage for usage in usages if usage]
    if not known:
        return {}
    counts = ("prompt_tokens", "completion_tokens", "total_tokens")
    cached = [usage.get("prompt_tokens_details", {}).get("cached_tokens", 0) for usage in known]
    total: dict[str, Any] = {name: sum(usage.get(name, 0) for usage in known) for name in counts}
    return total | {"prompt_tokens_details": {"cached_tokens": sum(cached)}}


def lacks_logprobs(variant: Variant) -> bool:
    engine = engines().get(variant.engine)
    return engine is not None and NEEDED in engine.lacks


def without_logprobs(model: str, why: str, card: ModelCard | None = None) -> UnsupportedParameter:
    """The refusal of a model whose engine tells no log-probabilities, with the variants that have them."""
    able = [one.name for one in card.variants if not lacks_logprobs(one)] if card else []
    hint = (
        f"Choose another variant (`variants` in the settings): {', '.join(able)}."
        if able
        else ("Use a model on llama.cpp or MLX.")
    )
    return UnsupportedParameter(
        f"'{model}' makes no decisions: they need the log-probabilities of tokens, and {why}.",
        hint=hint,
        param="model",
        code="no_logprobs",
    )
