"""Asks two ways to run a model the same questions in turns, each on a fresh server process; judges nothing.
Called by `api/tuning`."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.errors import EngineError
from viewfinder.core.paths import Folders, private
from viewfinder.engines.registry import engine_named
from viewfinder.fleet.process.servers import Server, make_server
from viewfinder.measure.deadline import Deadline
from viewfinder.measure.prompts import SIDE_PX, Prompt, body, graded, questions, text_message, without_images
from viewfinder.measure.tuning.candidate import Candidate, ProcessPair, TimedReply
from viewfinder.media.frames import Order
from viewfinder.media.picture import make_picture
from viewfinder.scenes.drawing import encode
from viewfinder.scenes.messages import data_url, image_message, with_images
from viewfinder.scenes.scene import Scene

SHORT_ANSWER_TOKENS = 32
QUESTION_S = 0.5
"""A process that had the least number of questions gets no further one with which it would take longer than
this for each that it was to be asked: of a slow model, more processes tell more than more questions."""
LEAST_QUESTIONS = 2
TEXT_QUESTIONS = 4
"""The first questions to a process are asked without their picture, too."""
COUNTS_S = 3.0
"""A first picture that takes longer counts: what a fresh process needs for it is a small part of that."""
LARGE_PX = 1024
"""Longest edge of the pictures where a smaller one is an image budget."""
THUMBNAIL_PX = 64
THUMBNAILS_MOST_TOKENS = 512
"""Of a question with a picture of that edge, where its size decides: it has at most 64 patches of 8 px."""
REQUEST_S = 600.0
MOST_FAILED = 0.25
"""The share of failed requests with which a way to run a model counts as one that cannot answer."""


@dataclass(frozen=True, slots=True)
class TuneQuestion:
    """A question as both are asked it; `scene` is empty where it is about none."""

    prompt: Prompt
    scene: Scene | None = None
    data: bytes = b""

    def shown(self, longest_px: int | None) -> Prompt:
        """With its picture shrunk as the gateway would."""
        if self.scene is None or longest_px is None:
            return self.prompt
        order = Order(longest_edge=longest_px)
        picture = make_picture(self.data, max_pixels=LARGE_PX**2, order=order)
        url = data_url(picture.media_type.removeprefix("image/"), picture.data)
        return Prompt(
            [with_images([url], self.prompt.question)],
            self.prompt.question,
            self.prompt.scene,
            self.prompt.expected,
            self.prompt.is_right,
        )


@dataclass(frozen=True, slots=True)
class FirstLook:
    """`prompt_tokens` of a question with its picture. `is_size_lost`: a thumbnail has as many as a large
    picture, so that sending smaller ones saves nothing."""

    prompt_tokens: int
    is_size_lost: bool


@dataclass(frozen=True, slots=True)
class PairAsker:
    """Makes pairs. `now` are the settings that the model would be started with; `together`: both processes
    fit into memory at the same time, and take turns question by question, else one is asked after the
    other. `clients` ask at the same time."""

    card: ModelCard
    variant: Variant
    catalog: Catalog
    now: EngineSettings
    folders: Folders
    deadline: Deadline
    clients: int = 1
    together: bool = True
    longest_px: int | None = None
    """Of pictures, where a candidate does not say: what was measured before."""

    async def pair(self, one: Candidate, other: Candidate, nth: int, questions: int) -> ProcessPair:
        """Raises TimeIsUp, and EngineError when the first one cannot answer."""
        self.deadline.require()
        asked = _Questions(self.variant, nth, questions)
        sides = [one, other] if nth % 2 == 0 else [other, one]
        replies: dict[Candidate, list[TimedReply]] = {one: [], other: []}
        try:
            if self.together:
                await self._in_turns(sides, asked, replies)
            else:
                for side in sides:
                    await self._in_turns([side], asked, replies)
        except _Failed as failed:
            if failed.candidate == one:
                raise failed.error from None
            return ProcessPair(nth=nth, failure=str(failed.error))
        if failure := _failure(replies[one]):
            raise EngineError(f"'{self.card.name}' does not answer: {failure}")
        if failure := _failure(replies[other]):
            return ProcessPair(nth=nth, failure=failure)
        return ProcessPair(nth=nth, one=tuple(replies[one]), other=tuple(replies[other]))

    async def look(self) -> "FirstLook":
        """One question with its picture as a thumbnail, and whole, with the settings as they are; the second
        one is left out where it cannot say more. Raises EngineError when one cannot be answered."""
        asked, base = _Questions(self.variant, 0, LEAST_QUESTIONS), Candidate()
        whole = asked.warm_image or asked.warm_text
        edges = (THUMBNAIL_PX, self.longest_px) if whole.data else (self.longest_px,)
        tokens: list[int] = []
        try:
            async with self._server(base, [base]) as server:
                for edge in edges:
                    reply = await replace(self, longest_px=edge)._ask(base, server, whole)
                    if failure := _failure([reply]):
                        raise EngineError(f"'{self.card.name}' does not answer: {failure}")
                    tokens.append(reply.prompt_tokens or 0)
                    if edge == THUMBNAIL_PX and tokens[0] > THUMBNAILS_MOST_TOKENS:
                        return FirstLook(tokens[0], is_size_lost=True)
        except _Failed as failed:
            raise failed.error from None
        return FirstLook(max(tokens), is_size_lost=len(set(tokens)) == 1 < len(tokens) and tokens[0] > 0)

    async def _in_turns(
        self, sides: Sequence[Candidate], asked: "_Questions", replies: dict[Candidate, list[TimedReply]]
    ) -> None:
        """Ask the sides each group of questions, one side after the other, which begins in turns."""
        async with AsyncExitStack() as stack:
            servers = [(side, await stack.enter_async_context(self._server(side, sides))) for side in sides]
            kept: list[bool] = []
            for side, server in servers:
                first = await self._warm_up(side, server, asked)
                kept.append(first is not None and first.e2e_s > COUNTS_S)
                if first is not None and all(kept):
                    replies[side].append(first)
            if not all(kept):  # both count, or none does
                for side in sides:
                    replies[side].clear()
            begun_s, number, longest_s = time.monotonic(), sum(kept) // len(kept), _longest_s(replies)
            for group in _groups(asked.after(number), self.clients):
                spent_s = (time.monotonic() - begun_s) / len(sides)
                if number >= LEAST_QUESTIONS and spent_s + longest_s > QUESTION_S * asked.most:
                    break
                for side, server in servers if number % 2 == 0 else reversed(servers):
                    self.deadline.require()
                    replies[side] += await asyncio.gather(*(self._ask(side, server, one) for one in group))
                number, longest_s = number + len(group), _longest_s(replies)

    async def _warm_up(self, side: Candidate, server: Server, asked: "_Questions") -> TimedReply | None:
        """One question without a picture, and the first one with: it is slow (llama.cpp #27147)."""
        await self._ask(side, server, asked.warm_text)
        return None if asked.warm_image is None else await self._ask(side, server, asked.warm_image)

    @asynccontextmanager
    async def _server(self, side: Candidate, sides: Sequence[Candidate]) -> AsyncIterator[Server]:
        logs = self.folders.logs if side == sides[0] else private(Path(self.folders.logs) / "tune")
        server = make_server(
            self.card,
            self.variant,
            engine_named(self.variant.engine),
            self.catalog,
            side.settings(self.now),
            run_folder=self.folders.run,
            log_folder=logs,
        )
        try:
            await server.start()
        except EngineError as error:
            raise _Failed(side, error) from None
        try:
            yield server
        finally:
            await server.stop()

    async def _ask(self, side: Candidate, server: Server, one: TuneQuestion) -> TimedReply:
        prompt = one.shown(side.longest_px or self.longest_px)
        request = body(self.card.name, prompt.messages, SHORT_ANSWER_TOKENS)
        exchange = await server.client.exchange(request, timeout_s=REQUEST_S)
        right = None if prompt.is_right is None else not exchange.error and prompt.is_right(exchange.text)
        return TimedReply(
            scene=prompt.scene,
            question=prompt.question,
            has_image=one.scene is not None,
            e2e_s=exchange.e2e_s,
            ttft_s=exchange.ttft_s,
            text=exchange.text,
            right=right,
            prompt_tokens=exchange.prompt_tokens,
            error=exchange.error,
        )


class _Failed(Exception):
    """A candidate could not be started."""

    def __init__(self, candidate: Candidate, error: EngineError) -> None:
        super().__init__(str(error))
        self.candidate, self.error = candidate, error


class _Questions:
    """The questions of the nth pair, the same to every candidate; a scene is drawn when it is needed."""

    def __init__(self, variant: Variant, nth: int, most: int) -> None:
        self._variant, self.most, self._topic = variant, most, f"tune/{nth}"
        self._drawn: list[TuneQuestion] = []
        self._source = self._endless()
        texts = without_images(f"{self._topic}/warm-up")
        self.warm_text = TuneQuestion(next(texts))
        self.warm_image = next(iter(self.after(0))) if variant.vision else None

    def after(self, number: int) -> Iterator[TuneQuestion]:
        """All but the first `number`, which the warm-up has asked already when it counts."""
        return islice(self._all(), number, None)

    def _all(self) -> Iterator[TuneQuestion]:
        for place in range(self._total):
            while len(self._drawn) <= place:
                self._drawn.append(next(self._source))
            yield self._drawn[place]

    @property
    def _total(self) -> int:
        texts = min(TEXT_QUESTIONS, self.most) if self._variant.vision else 0
        return self.most + texts

    def _endless(self) -> Iterator[TuneQuestion]:
        """Pictures; the first of them without, too."""
        if not self._variant.vision:
            yield from map(TuneQuestion, without_images(self._topic))
            return
        by_pixels = self._variant.image_lever == "pixels"
        for number, (scene, question) in enumerate(
            questions(self._topic, LARGE_PX if by_pixels else SIDE_PX)
        ):
            message = image_message(scene, question.text)
            yield TuneQuestion(graded([message], question, scene), scene, encode(scene) if by_pixels else b"")
            if number < TEXT_QUESTIONS:
                yield TuneQuestion(Prompt([text_message(question.text)], question.text, scene.seed))


def _longest_s(replies: Mapping[Candidate, Sequence[TimedReply]]) -> float:
    """What one more question may take, on average over the sides."""
    longest = [max((one.e2e_s for one in each), default=0.0) for each in replies.values()]
    return sum(longest) / len(longest)


def _groups(asks: Iterator[TuneQuestion], size: int) -> Iterator[list[TuneQuestion]]:
    while group := list(islice(asks, size)):
        yield group


def _failure(replies: Sequence[TimedReply]) -> str:
    """Why it cannot answer; empty: it can."""
    errors = [one.error for one in replies if one.error]
    if not replies:
        return "it was asked nothing"
    return errors[0] if len(errors) > MOST_FAILED * len(replies) else ""
