"""One fresh server process under measurement: started, asked and stopped here; made by `session`, used by the
measures.

A running server is asked in the same way, and never stopped. Samples from before an
interruption of the run can be passed in: their questions are not asked again.

Memory is that of the server's process tree, read between requests and never inside a timed one. Every sample
is stored as it is taken.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, aclosing, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Self

from viewfinder.client.exchange import Exchange
from viewfinder.client.turns import KeptConversation, keeps_conversations
from viewfinder.core.config import Limits
from viewfinder.core.errors import EngineDied, EngineError, EngineStalled, ViewfinderError
from viewfinder.fleet.process.servers import Server
from viewfinder.host.disturbance import Disturbance
from viewfinder.host.output import LEFT_OUT
from viewfinder.measure.deadline import Deadline
from viewfinder.measure.figures import Memory, Phase
from viewfinder.measure.forecast import RequestKind
from viewfinder.measure.process_log import Series
from viewfinder.measure.progress import Steps
from viewfinder.measure.prompts import Prompt, body
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.store.store import Store
from viewfinder.measure.tree_memory import Peak, read

_LEFT = "client_left: The client disconnected in the middle of the answer, on purpose."
_DEATH_S = 2.0
"""How long after its broken connection the end of an engine may be noticed."""


@dataclass(eq=False)
class Subject:
    """A server process from its start to its end; an async context manager.

    `process` is its number within the run and model. `memory` gets a reading at each phase; `starts` is more
    than one when the engine failed to start and was started again. `noted` are series that a measure fills as
    it asks, so that they are kept if the engine dies; `pictures` are small ones, as data URLs, that it keeps
    beside them. `answered` are this process's samples from before an
    interruption, of questions that any process can be asked (never timed ones); `set_aside` is the number of
    its other samples, which do not count. `files` are the model's files and folders. `limits` are those of
    requests to the gateway.
    """

    server: Server
    process: int
    run: str
    store: Store
    steps: Steps
    timeout_s: float
    files: Sequence[Path]
    limits: Limits
    answered: Sequence[Sample] = ()
    set_aside: int = 0
    deadline: Deadline | None = None
    memory: dict[Phase, Memory] = field(default_factory=dict)
    starts: int = 0
    noted: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    pictures: dict[str, str] = field(default_factory=dict)
    disturbance: Disturbance = field(default_factory=Disturbance)

    def __post_init__(self) -> None:
        self._peak = Peak(self.server.pids)
        self._earlier = {(sample.scenario, sample.place): sample for sample in self.answered}
        self._earlier_s = 0.0
        self._in_flight = 0
        self._places: defaultdict[str, Iterator[int]] = defaultdict(count)

    async def __aenter__(self) -> Self:
        begun_s = time.monotonic()
        await self.server.start(self._reached)
        self.steps.forecast.start(self.server.card.name, time.monotonic() - begun_s)
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        pids = self.server.pids() if self.server.is_ours else []
        await self.server.stop()
        if pids and error is None:
            self.memory["unloaded"] = read(pids)  # 0 bytes, unless something was left behind

    async def restart(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Stop the process and start another; `meanwhile` is called, in a thread, between the two."""
        await self.server.stop()
        await asyncio.to_thread(meanwhile)
        self.starts -= 1  # this one was no failure
        await self.server.start(self._reached)

    def topic(self, scenario: str) -> str:
        """The seed of a scenario's prompts: a running server must never see an image twice."""
        if self.server.is_ours:
            return scenario
        again = f"/{self.set_aside}" if self.set_aside else ""
        return f"{scenario}/{self.run}/{self.process}{again}"

    def clock(self) -> float:
        """Monotonic seconds, with the time of samples from before an interruption added."""
        return time.monotonic() + self._earlier_s

    def skip_to(self, scenario: str, place: int) -> None:
        """Give the scenario's next sample this place: another process was asked those before it."""
        self._places[scenario] = count(place)

    def begin(self, doing: str, steps: int) -> None:
        """Show that the next phase begins, of at most this number of requests."""
        self.steps.begin(self.server.card.name, doing, steps)

    def note(self, series: Series | None) -> None:
        """Keep the numbers that a measure returned."""
        self.noted.update({name: list(values) for name, values in (series or {}).items()})

    def watched(self) -> AbstractContextManager[None]:
        """Within the block, measure how much of the processors other programs use."""
        return self.disturbance.watch(self.server.pids)

    def note_memory(self, phase: Phase) -> None:
        """Read the memory of a server that Viewfinder started, and keep it under this phase; for "peak", the
        highest reading so far."""
        if not self.server.is_ours:
            return
        now = read(self.server.pids(), look_around=phase == "steady")
        self._peak.take(now)
        if phase == "peak" and self._peak.highest is not None:
            now = self._peak.highest.model_copy(update={"kernel_peak_bytes": now.kernel_peak_bytes})
        self.memory[phase] = now

    def look_for_peak(self) -> None:
        """Read the memory if it grew; call this between two requests, when none is in flight."""
        if self.server.is_ours:
            self._peak.look()

    def overlapping(self) -> AbstractContextManager[None]:
        """Allow several requests at once within the block; their samples are written after it.

        Samples are numbered in the order in which their requests were sent, not answered.
        """
        return self.store.held()

    async def kept_conversation(self) -> KeptConversation | None:
        """For `ask`, where a running server keeps conversations. Engines that we start keep none."""
        client = self.server.client
        if self.server.is_ours or not await keeps_conversations(client, self.timeout_s):
            return None
        return KeptConversation(client)

    async def ask(self, scenario: str, prompt: Prompt, kept: KeptConversation | None = None) -> Sample:
        """Send a prompt, store the exchange and return it with its grade (an error is wrong). Of a `kept`
        conversation only what is new is sent.

        A request that the engine refuses becomes a sample with an error. Raises EngineDied when the engine
        ended and EngineStalled when it gave no complete answer in time: then nothing more can be measured.
        Raises TimeIsUp when the run's time is spent.
        """
        place = next(self._places[scenario])
        if (earlier := self._earlier.get((scenario, place))) is not None:
            return self._remembered(earlier, prompt)
        if self.deadline is not None:
            self.deadline.require()
        request = body(self.server.card.name, prompt.messages, prompt.max_tokens, prompt.top_tokens)
        is_alone, self._in_flight = not self._in_flight, self._in_flight + 1
        try:
            exchange = await (kept or self.server.client).exchange(request, timeout_s=self.timeout_s)
        finally:
            self._in_flight -= 1
        is_typical = is_alone and not self._in_flight and not exchange.error
        return await self._keep(scenario, place, prompt, exchange, kind_of(prompt) if is_typical else None)

    async def ask_and_disconnect(self, scenario: str, prompt: Prompt) -> Sample:
        """Send a prompt and disconnect at the answer's first words, as an impatient client does.

        The sample has the error `client_left`, unless the engine reported another. Raises as `ask` does.
        """
        request = body(self.server.card.name, prompt.messages)
        place, text, error, started_s = next(self._places[scenario]), "", _LEFT, time.monotonic()
        try:
            async with (
                asyncio.timeout(self.timeout_s),
                aclosing(self.server.client.stream(request)) as chunks,
            ):
                async for chunk in chunks:
                    if text := _words_of(chunk):
                        break
        except EngineError as problem:
            error = f"{problem.reason}: {problem.message}"
        except TimeoutError:
            error = f"timeout: No part of an answer came within {self.timeout_s:g} s."
        exchange = Exchange(started_s, time.monotonic(), text=text, error=error)
        return await self._keep(scenario, place, prompt, exchange)

    async def _keep(
        self,
        scenario: str,
        place: int,
        prompt: Prompt,
        exchange: Exchange,
        kind: RequestKind | None = None,
    ) -> Sample:
        """Store the exchange as a sample; with a `kind`, its time tells what others of that kind take."""
        grade = prompt.is_right
        sample = Sample(
            run=self.run,
            model=self.server.card.name,
            process=self.process,
            scenario=scenario,
            question=prompt.question,
            exchange=exchange,
            scene=prompt.scene,
            expected=prompt.expected,
            right=None if grade is None else not exchange.error and grade(exchange.text),
            place=place,
        )
        self.store.add(sample)
        self.steps.step(sample.model, kind, exchange.e2e_s, right=sample.right)
        if exchange.error:
            await self._check(exchange, prompt.question)
        return sample

    def _remembered(self, earlier: Sample, prompt: Prompt) -> Sample:
        if (earlier.question, earlier.scene) != (prompt.question, prompt.scene):
            raise ViewfinderError(
                f"This run cannot be resumed: it asked '{earlier.question}' where this version asks "
                f"'{prompt.question}'.",
                hint="Its measurements are kept. Start a new run.",
                code="resume_differs",
            )
        self._earlier_s += earlier.exchange.e2e_s
        self.steps.step(earlier.model, right=earlier.right)
        return earlier

    async def _check(self, exchange: Exchange, question: str) -> None:
        """Raise when the error means that the server process cannot answer any more."""
        if exchange.error.startswith(("timeout", EngineStalled.code)):
            raise EngineStalled(
                f"The engine gave no complete answer to '{question}' within {self.timeout_s:g} s."
            )
        if not exchange.error.startswith(EngineDied.code):
            return
        if (process := self.server.watched) is None:
            raise EngineDied(f"The server broke the connection at '{question}'.")
        child = process.child
        with suppress(TimeoutError):
            await asyncio.wait_for(child.wait(), _DEATH_S)
        if child.exit is not None:
            last = child.tail(1).strip()
            words = "" if last in ("", LEFT_OUT.decode().strip()) else f' Its last words: "{last}".'
            raise EngineDied(f"The engine died at '{question}'. {child.exit.explanation}{words}")

    def _reached(self, phase: str) -> None:
        if phase == "spawned":
            self.starts += 1
            self.memory.clear()
            self._peak = Peak(self.server.pids)
            self.note_memory("spawned")
        elif phase == "ready":
            self.note_memory("ready")


def kind_of(prompt: Prompt) -> RequestKind:
    """What decides how long a request takes: whether it has an image, or many at once, and whether its answer
    is short, for answers with known words are."""
    if not any(isinstance(message["content"], list) for message in prompt.messages):
        return "text"
    if prompt.is_right is None:
        return "long"
    last = prompt.messages[-1]["content"]
    return "clip" if isinstance(last, list) and sum("image_url" in part for part in last) > 1 else "image"


def _words_of(chunk: dict[str, Any]) -> str:
    choice: dict[str, Any] = next(iter(chunk.get("choices") or ()), {})
    return (choice.get("delta") or {}).get("content") or ""
