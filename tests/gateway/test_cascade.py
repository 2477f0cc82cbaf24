"""`cascade:` names at POST /v1/decisions: what is asked of which model, and what is refused."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from viewfinder.core.config import Settings
from viewfinder.core.errors import (
    Busy,
    EngineDied,
    EngineQuarantined,
    MemoryShort,
    ModelFailed,
    ModelFilesError,
    ViewfinderError,
)
from viewfinder.fleet.record.calibrations import calibration_path
from viewfinder.fleet.routing import MeasuredOrder, MeasuredPlace
from viewfinder.gateway.auto import AutoModels

from .conftest import Gateway, Start
from .test_auto import APIS, COUNTS
from .test_openapi import validator

PAIR = "cascade:both,one-eye"
EASY = {"type": "predicate", "instructions": "Is it easy?"}
HARD = {"type": "predicate", "instructions": "Is it hard?"}
WHICH = {"type": "choice", "instructions": "Which?", "choices": [{"value": "star"}, {"value": "square"}]}
AS_IT_SAYS = ((0.0, 1.0), (0.0, 1.0))


def order(*names: str, what: str) -> MeasuredOrder:
    return MeasuredOrder(
        tuple((MeasuredPlace(name, "faulty", f"{name} {what} on 2026-11-30"),) for name in names)
    )


@dataclass
class Served:
    """A gateway over two models: `likely` gives what a model says to a question."""

    gateway: Gateway
    home: Path
    orders: dict[str, MeasuredOrder]
    likely: Callable[[str, str], float] = lambda model, question: 0.97
    put: list[tuple[str, str]] = field(default_factory=list)
    """Model and last word of every question to an engine."""

    async def tokens(self, body: dict[str, Any]) -> dict[str, float]:
        model, question = self.gateway.fleet.loads[-1], str(body["messages"][-1]["content"])
        self.put.append((model, question.rsplit(maxsplit=1)[-1]))
        yes = self.likely(model, question)
        return {"Yes": yes, "No": 1 - yes, "star": 1e-4, "square": 1e-5}

    def calibrate(self, *models: str, **more: Any) -> None:
        for model in models:
            file = self.home / calibration_path(model, "faulty")
            file.parent.mkdir(parents=True, exist_ok=True)
            known = {"model": model, "variant": "faulty", "engine": "llama.cpp", "engine_version": "1"}
            curves = {"predicate": AS_IT_SAYS}
            right = {"predicate": 0.9}
            file.write_text(
                json.dumps({**known, "measured_at": "now", "curves": curves, "right": right} | more)
            )

    async def decide(self, *questions: Any, model: str = PAIR, **fields: Any) -> tuple[int, Any, Any]:
        body = {"model": model, "input": "Look.", "questions": questions or [EASY], **fields}
        async with self.gateway.http.post(f"{self.gateway.url}/v1/decisions", json=body) as reply:
            said = await reply.json()
            assert self.gateway.fleet.leases == 0
            if reply.status == 200:
                validator("DecisionReply").validate(said)
                return 200, said, reply.headers["x-viewfinder-chosen"]
            return reply.status, said["error"], None

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.gateway.http.get(f"{self.gateway.url}{path}") as reply:
            return reply.status, await reply.json()


@pytest.fixture
async def served(start: Start, home: Path) -> Served:
    orders: dict[str, MeasuredOrder] = {}

    async def measured() -> dict[str, MeasuredOrder]:
        return orders

    one = Served(await start(auto=AutoModels(measured)), home, orders)
    one.gateway.engine.likely = one.tokens
    return one


def unsure_of_hard(model: str, question: str) -> float:
    """The first model is 0.6 sure where it is hard, 0.95 elsewhere; the second one is 0.8 sure."""
    return 0.8 if model == "one-eye" else 0.6 if "hard" in question else 0.95


async def test_only_what_the_first_is_not_sure_of_is_put_to_the_second(served: Served) -> None:
    served.calibrate("both", "one-eye")
    served.likely = unsure_of_hard
    status, reply, why = await served.decide(EASY, HARD, EASY)
    assert status == 200
    easy, hard = ("both", "easy?"), ("one-eye", "hard?")
    assert served.put == [easy, easy, ("both", "hard?"), ("both", "hard?"), easy, easy, hard, hard]
    assert [one["probability"] for one in reply["answers"]] == pytest.approx([0.95, 0.8, 0.95])
    first, second, _ = (one["viewfinder"] for one in reply["answers"])
    assert (first["model"], first["chosen_because"]) == ("both", "both was 0.95 sure, at least 0.90")
    assert (second["model"], second["chosen_because"]) == ("one-eye", "both was 0.60 sure, below 0.90")
    assert reply["model"] == PAIR
    assert why == (
        "both answered 2 of 3 questions; one-eye 1; both was less sure of 1 than 0.90 (yes or no): "
        "how often one-eye was right when it was measured"
    )
    assert reply["usage"]["input_tokens"] == 8 * 7, "both models' are counted"
    _, answer = await served.get(f"/v1/answers/{reply['id']}")
    assert answer["status"] == "unconfirmed"
    assert (answer["chosen"]["name"], answer["chosen"]["model"]) == (PAIR, PAIR)
    assert answer["chosen"]["why"] == why


async def test_the_threshold_of_a_request_counts_for_both(served: Served) -> None:
    served.calibrate("both", "one-eye", right={})  # where it is not known how often they are right
    served.likely = unsure_of_hard
    status, reply, why = await served.decide(HARD, EASY, threshold=0.85)
    assert status == 200
    assert [one["type"] for one in reply["answers"]] == ["refusal", "predicate"]
    assert "less sure of 1 than 0.85, the threshold of the request" in why
    served.put.clear()
    status, reply, why = await served.decide(HARD, EASY, threshold=0.5)
    assert {model for model, _ in served.put} == {"both"}, "it is sure enough of each"
    assert reply["model"] == "both"
    said = "both answered 2 of 2 questions; it was at least as sure of each as 0.5, "
    assert why == f"{said}the threshold of the request"


async def test_confidence_is_the_calibrated_one(served: Served) -> None:
    served.calibrate("one-eye")
    served.calibrate("both", curves={"predicate": ((0.0, 1.0), (0.2, 0.8))})  # it is never surer than 0.8
    _, reply, _ = await served.decide(EASY)
    assert reply["answers"][0]["viewfinder"]["model"] == "one-eye"
    assert reply["model"] == "one-eye"


async def test_without_a_calibration_it_is_refused_with_the_command(served: Served) -> None:
    for model, calibrated in (("both", ["one-eye"]), ("one-eye", ["both"])):
        for file in served.home.glob("calibrations/*/*.json"):
            file.unlink()
        served.calibrate(*calibrated)
        status, error, _ = await served.decide(EASY)
        assert (status, error["code"], error["param"]) == (400, "not_calibrated", "model")
        assert f"'{model}' has none: the model was not calibrated on this machine" in error["message"]
        assert f"Run: viewfinder bench {model} --suite standard." in error["message"]
    served.calibrate("both", "one-eye")
    status, error, _ = await served.decide(EASY, WHICH)
    assert (status, error["code"]) == (400, "not_calibrated")
    assert "too few questions of this kind were decided (choices)" in error["message"]
    served.calibrate("one-eye", right={})
    status, error, _ = await served.decide(EASY)
    assert "how often it is right was not measured (yes or no)" in error["message"]
    assert served.gateway.fleet.loads == [], "all of this is known before a model is loaded"


async def test_a_calibration_of_another_engine_counts_for_nothing(served: Served) -> None:
    served.calibrate("one-eye")
    served.calibrate("both", engine_version="0.9")
    status, error, _ = await served.decide(*[EASY] * 20)
    assert (status, error["code"]) == (400, "not_calibrated")
    assert "it was calibrated with llama.cpp 0.9, and this is 1" in error["message"]
    assert len(served.put) == 2, "that is known after its first answer"


FAILURES: dict[str, ViewfinderError] = {
    "given up": ModelFailed("It died too often."),
    "died": EngineDied("It died."),
    "no memory": MemoryShort("It does not fit."),
    "quarantined": EngineQuarantined("Its canary failed."),
    "its queue is full": Busy("The queue is full.", code="queue_full"),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
async def test_a_failing_first_model_leaves_everything_to_the_second(
    served: Served, failure: ViewfinderError
) -> None:
    served.calibrate("both", "one-eye")
    served.gateway.fleet.broken["both"] = failure
    status, reply, why = await served.decide(EASY, HARD)
    assert status == 200
    assert {one["viewfinder"]["model"] for one in reply["answers"]} == {"one-eye"}
    assert why == f"both was passed over: {failure.reason}; one-eye 2"
    assert reply["answers"][0]["viewfinder"]["chosen_because"] == f"both was passed over: {failure.reason}"


async def test_one_in_quarantine_is_not_waited_for(served: Served) -> None:
    served.calibrate("both", "one-eye")
    served.gateway.fleet.states["both"] = "quarantined"
    _, reply, why = await served.decide(EASY)
    assert (reply["model"], why) == ("one-eye", "both was passed over: it is in quarantine; one-eye 1")
    assert served.gateway.fleet.loads == ["one-eye", "one-eye"]


async def test_where_the_second_one_fails_its_error_is_the_answer(served: Served) -> None:
    served.calibrate("both", "one-eye")
    served.likely = unsure_of_hard
    served.gateway.fleet.broken["one-eye"] = EngineDied("It died.")
    status, error, _ = await served.decide(EASY, HARD)
    assert (status, error["code"]) == (502, "engine_died")
    status, reply, _ = await served.decide(EASY)
    assert (status, reply["model"]) == (200, "both"), "it is not needed for what the first is sure of"
    served.gateway.fleet.broken["both"] = ModelFilesError("Its files are not here.")
    assert (await served.decide(EASY))[0] == 500, "nothing is hidden that will not pass by itself"


async def test_a_cascade_answers_nothing_but_decisions(served: Served) -> None:
    served.calibrate("both", "one-eye")
    for path, body in (APIS | COUNTS).items():
        async with served.gateway.http.post(
            f"{served.gateway.url}{path}", json={"model": PAIR, **body}
        ) as reply:
            said = await reply.text()
        assert reply.status == 400, path
        assert "answers only POST /v1/decisions" in said
        assert "auto:best" in said
    assert served.gateway.fleet.loads == []


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("cascade:both", 400, "A cascade has two models"),
        ("cascade:both,one-eye,blind", 400, "A cascade has two models"),
        ("cascade:both,both", 400, "Both models of the cascade are 'both'"),
        ("cascade:both,nobody", 404, "There is no model named 'nobody'"),
        ("cascade:,", 404, "There is no model named ''"),
    ],
)
async def test_names_that_are_no_cascade(served: Served, name: str, status: int, said: str) -> None:
    answered, error, _ = await served.decide(EASY, model=name)
    assert answered == status
    assert said in error["message"]


async def test_alone_it_is_the_fastest_and_then_the_best(served: Served) -> None:
    status, error, _ = await served.decide(EASY, model="cascade:")
    assert (status, error["code"]) == (503, "no_model_fits")
    assert "viewfinder bench" in error["message"]
    served.orders["fast"] = order("uninstalled", "both", "one-eye", what="is fast")
    served.orders["best"] = order("one-eye", "both", what="is right")
    assert (await served.decide(EASY, model="cascade:"))[0] == 503, "they are not calibrated"
    assert "cascade:" not in [one["id"] for one in (await served.get("/v1/models"))[1]["data"]]
    served.calibrate("both", "one-eye")
    served.likely = unsure_of_hard
    _, reply, _ = await served.decide(EASY, HARD, model="cascade:")
    assert [one["viewfinder"]["model"] for one in reply["answers"]] == ["both", "one-eye"]
    _, models = await served.get("/v1/models")
    (listed,) = [one for one in models["data"] if one["id"] == "cascade:"]
    assert listed["alias_of"] == PAIR
    assert listed["chosen_because"] == (
        "both: both is fast on 2026-11-30; one-eye: one-eye is right on 2026-11-30"
    )
    assert (await served.get(f"/v1/models/{PAIR}"))[1]["title"] == (
        "Both, then One-Eye where it is not sure; only for /v1/decisions"
    )
    served.orders["best"] = order("both", "one-eye", what="is right")
    status, error, _ = await served.decide(EASY, model="cascade:")
    assert (status, error["code"]) == (503, "no_model_fits")
    assert "the fastest (both) is the best" in error["message"]


async def test_an_alias_of_a_model_may_stand_in_it(start: Start, home: Path) -> None:
    gateway = await start(aliases={"small": "both"})
    one = Served(gateway, home, {})
    gateway.engine.likely = one.tokens
    one.calibrate("both", "one-eye")
    _, reply, _ = await one.decide(EASY, model="cascade:small,one-eye")
    assert reply["model"] == "both"
    assert Settings().aliases == {}
