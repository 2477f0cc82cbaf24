"""What a trial has found so far, and the result that it makes of it; filled by `trial`.

A trial that breaks off keeps what it has: the rest of its result says that it was not measured.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.client.chat import CHAT_PATH
from viewfinder.client.exchange import Exchange
from viewfinder.measure import metrics
from viewfinder.measure.disturbance import Disturbance
from viewfinder.measure.figures import Gate, LoadTimes, Measured, Memory, Missing, Phase
from viewfinder.measure.measures.base import Heard
from viewfinder.measure.measures.gates.ask import AT_LEAST
from viewfinder.measure.measures.latency.ask import CELLS
from viewfinder.measure.measures.latency.find import latency
from viewfinder.measure.measures.latency.result import Latency
from viewfinder.measure.measures.registry import STAGES, stages_of
from viewfinder.measure.measures.soak.result import Soak
from viewfinder.measure.measures.stability.result import Stability
from viewfinder.measure.metrics import Block
from viewfinder.measure.repetition import Restart
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.outcome import Found
from viewfinder.measure.store.rows import Run
from viewfinder.measure.suite import Suite
from viewfinder.measure.verdict import Known, Verdict, corruption_of, growth_of, judge, leak_requests_of

NO_VISION = Missing(missing="this variant takes no images")
BLIND = Missing(missing="vision gate failed")
NOT_REACHED = Missing(missing="the trial broke off before it")

TIME_WAS_OVER = Missing(missing="the time of the budget was over before it")


@dataclass(slots=True)
class Findings:
    """Of one variant in one run."""

    card: ModelCard
    variant: Variant
    run: Run
    engine_version: str = ""
    failure: str = ""
    vision: Gate | Missing = NOT_REACHED
    text: Gate | Missing = NOT_REACHED
    follow_up: Gate | Missing = NOT_REACHED
    blocks: list[Block] = field(default_factory=list)
    restarts: int = 0
    disturbance: Disturbance = field(default_factory=Disturbance)
    stages: dict[str, list[Heard]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    machine_drift: Measured | None = None
    drift: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether the servers under measurement are started by us."""
        return self.variant.server is None

    def add_gates(self, found: Found) -> None:
        """What the first server process showed."""
        self._add(found)
        self.text = found.text or NOT_REACHED
        self.vision = found.vision or NOT_REACHED
        self.follow_up = found.follow_up or NOT_REACHED

    def add(self, taken: Restart) -> None:
        """What a server process left that was timed, or that a stage had to itself, and all it was asked."""
        found, asked = taken.found, taken.asked
        self._add(found)
        if taken.stage:
            heard = Heard(taken.part, asked, found.series, found.broke_off)
            self.stages[taken.stage] = sorted([*self.stages.get(taken.stage, []), heard], key=_part)
            return
        first = next((one.exchange for one in asked if one.scenario == "load" and one.scene), None)
        cells = {cell: [one.exchange for one in asked if one.scenario == cell] for cell in CELLS}
        self.blocks.append(Block(found.load, memory=found.memory, first_image=first, **cells))
        self.disturbance.add(found.foreign_s, found.available_s)

    def add_questions(self, found: Found) -> None:
        """What a process showed that was asked more questions: those are for the ranking alone."""
        self._add(found)

    def spared(self, stage: str) -> Missing | None:
        """Why a stage cannot be put to this model, or None."""
        if missing := STAGES[stage].needs(self.variant):
            return missing
        gate = self.vision
        # Fewer questions than the slowest model is asked show nothing.
        blind = isinstance(gate, Gate) and not gate.passed and gate.asked >= AT_LEAST
        return BLIND if blind and STAGES[stage].counts_answers else None

    def _add(self, found: Found) -> None:
        self.engine_version = self.engine_version or found.engine_version
        self.restarts += max(0, found.starts - 1)

    def result(self, suite: Suite, measured_at: str, fingerprint: str = "") -> ModelResult:
        """Everything that was found, in the form that is stored."""
        images = [block.images for block in self.blocks]
        texts = [block.texts for block in self.blocks]
        timed = images if self.variant.vision else texts
        difference, memory = metrics.memory_difference(self.blocks)
        over = metrics.PROCESSES if self.is_ours else metrics.SESSIONS
        request = (
            "requests with a new 512 px image each, 'Describe this image.', at most 64 tokens, "
            "temperature 0, one at a time, warm"
        )
        stages = {name: self._stage(name, suite) for name, _ in stages_of(suite)}
        issues = (*self._issues(), *_issues_of(stages.values()))
        verdict = self._verdict(issues, stages, memory)
        return ModelResult(
            model=self.card.name,
            title=self.card.title,
            model_id=self.variant.repo,
            variant=self.variant.name,
            engine=self.variant.engine,
            engine_version=self.engine_version,
            quantization=self.variant.quantization,
            endpoint=self._endpoint(),
            suite=self.run.suite,
            run=self.run.run,
            measured_at=measured_at,
            machine=self.run.machine,
            fingerprint=fingerprint,
            status=verdict.status,
            status_reasons=verdict.reasons,
            failure=self.failure,
            contaminated="; ".join(self._contamination(timed)),
            vision=self.vision,
            text=self.text,
            follow_up=self.follow_up,
            load=self._load(),
            memory=memory,
            memory_difference=self._known(difference),
            average_inference=self._seen(metrics.mean(images, _e2e_s, "s", f"wall time of {request}", over)),
            median_inference=self._seen(metrics.median(images, _e2e_s, "s", f"wall time of {request}", over)),
            output_tokens=self._seen(metrics.mean(images, _tokens, "tokens", f"output of {request}", over)),
            ttft_image=self._seen(
                metrics.median(images, _ttft_s, "s", f"time to the first token of {request}", over)
            ),
            ttft_text=self._known(
                metrics.median(
                    texts,
                    _ttft_s,
                    "s",
                    "time to the first token of a short question without an image, warm",
                    over,
                )
            ),
            decode_rate=self._known(metrics.decode_rate(timed, over)),
            latency=self._latency(over),
            issues=issues,
            notes=tuple(self.notes),
            machine_drift=self.machine_drift,
            **stages,
        )

    def _stage(self, name: str, suite: Suite) -> BaseModel:
        """What a stage found, or why it was not come to."""
        if missing := self.spared(name):
            return missing
        heard = self.stages.get(name, [])
        return STAGES[name].finds(heard, suite) if heard else NOT_REACHED

    def _endpoint(self) -> str:
        server = self.variant.server
        return f"{CHAT_PATH} (private Unix socket)" if server is None else f"{server.root}{CHAT_PATH}"

    def _verdict(
        self, issues: Sequence[str], stages: Mapping[str, BaseModel], memory: Mapping[Phase, Memory]
    ) -> Verdict:
        timed = [exchange for block in self.blocks for exchange in (*block.images, *block.texts)]
        stability, soak = stages.get("stability"), stages.get("soak")
        held_bytes = memory["steady"].footprint_bytes if "steady" in memory else 0
        return judge(
            Known(
                failure=self.failure,
                vision=self.vision,
                text=self.text,
                errors=sum(not metrics.answered(exchange) for exchange in timed),
                requests=len(timed),
                is_ours=self.is_ours,
                issues=issues,
                corruption=corruption_of(stability, soak),
                leak_requests=leak_requests_of(stability),
                growth=growth_of(soak, self.run.machine.memory_bytes - held_bytes),
            )
        )

    def _contamination(self, timed: Sequence[Sequence[Exchange]]) -> list[str]:
        said = (self.disturbance.verdict(), metrics.drift(timed), self.drift)
        return [one for one in said if one]

    def _load(self) -> LoadTimes:
        times = metrics.load_times([block.load for block in self.blocks if block.load is not None])
        return LoadTimes(
            spawned=self._known(times.spawned),
            listening=self._known(times.listening),
            ready=self._known(times.ready),
            first_token=self._known(times.first_token),
            first_correct=self._seen(times.first_correct),
        )

    def _latency(self, over: str) -> Latency | Missing:
        if not self.blocks:
            return NOT_REACHED
        found = latency(self.blocks, over)
        if self.variant.vision:
            return found
        return found.model_copy(update=dict.fromkeys(Latency.model_fields.keys() - {"texts"}, NO_VISION))

    def _known(self, measured: Measured) -> Measured:
        """The figure, or that the trial broke off when it did so before there was any block."""
        return measured if self.blocks else NOT_REACHED

    def _seen(self, measured: Measured) -> Measured:
        return self._known(measured) if self.variant.vision else NO_VISION

    def _issues(self) -> tuple[str, ...]:
        images = [exchange for block in self.blocks for exchange in block.images]
        texts = [exchange for block in self.blocks for exchange in block.texts]
        said = [metrics.failures("image", images), metrics.failures("text", texts)]
        said += [
            f"In the scenario '{name}' {one.broke_off}"
            for name, all_heard in self.stages.items()
            for one in all_heard
            if one.broke_off
        ]
        if self.restarts:
            said.append(f"The engine failed to start {self.restarts} times and was started again.")
        return tuple(filter(None, said))


def _issues_of(results: Iterable[BaseModel]) -> Iterator[str]:
    """What the stages found that a user must know."""
    for result in results:
        if isinstance(result, Stability | Soak):
            yield from result.issues


def time_was_over(result: ModelResult) -> ModelResult:
    """The result of a trial that did not break off: what was not reached is missing because of the budget."""
    load = {name: TIME_WAS_OVER for name, value in result.load if value == NOT_REACHED}
    over = {name: TIME_WAS_OVER for name, value in result if value == NOT_REACHED}
    return result.model_copy(update=over | {"load": result.load.model_copy(update=load)})


def _part(heard: Heard) -> int:
    return heard.part


def _e2e_s(exchange: Exchange) -> float | None:
    return exchange.e2e_s


def _ttft_s(exchange: Exchange) -> float | None:
    return exchange.ttft_s


def _tokens(exchange: Exchange) -> float | None:
    return exchange.completion_tokens
