"""Requests to `auto:` names: through every API, with made-up results, and when the chosen models fail."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from viewfinder.core import paths
from viewfinder.core.config import Settings
from viewfinder.core.errors import (
    Busy,
    ContextExceeded,
    EngineQuarantined,
    MemoryShort,
    ModelFailed,
    UnsupportedParameter,
    ViewfinderError,
)
from viewfinder.fleet.routing import MeasuredOrder, MeasuredOrders, MeasuredPlace
from viewfinder.gateway.auto import MOST_TRIED, AutoModels
from viewfinder.gateway.candidates import LOOK_AGAIN_S
from viewfinder.gateway.kept import KeptTurns

from .conftest import Gateway, Start
from .test_chat import picture, showing

ALL = ["both", "blind", "eyes", "one-eye", "unloadable", "uninstalled"]


def measured(*groups: str) -> MeasuredOrder:
    return MeasuredOrder(
        tuple(
            tuple(MeasuredPlace(name, "faulty", f"{name}: 96 % on 2026-11-30") for name in group.split())
            for group in groups
        )
    )


class Orders:
    """What was measured, which a test may change while the gateway serves."""

    def __init__(self, **by_use: MeasuredOrder) -> None:
        self.now: MeasuredOrders = by_use  # type: ignore[assignment]

    async def __call__(self) -> MeasuredOrders:
        return self.now


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Served:
    """A gateway whose results, clock and broken models a test may change."""

    gateway: Gateway
    auto: AutoModels
    orders: Orders
    clock: Clock

    def measured(self, *groups: str) -> None:
        """From now on, for `auto:best`; what failed before is long ago, and nothing is loaded."""
        self.orders.now = {"best": measured(*groups)}
        self.clock.now_s += 1000
        self.gateway.fleet.loads.clear()
        self.gateway.fleet.broken.clear()

    def post(self, path: str = "/v1/chat/completions", **body: Any) -> Any:
        body = {"model": "auto:best"} | (body or {"messages": USER})
        return self.gateway.http.post(f"{self.gateway.url}{path}", json=body)

    async def model(self, **body: Any) -> str:
        """The one that answers."""
        async with self.post(**({"messages": USER} | body)) as reply:
            assert reply.status == 200, await reply.text()
            return str((await reply.json())["model"])

    async def error(self, **body: Any) -> tuple[int, dict[str, Any]]:
        async with self.post(**({"messages": USER} | body)) as reply:
            return reply.status, (await reply.json())["error"]

    async def get(self, path: str) -> Any:
        async with self.gateway.http.get(f"{self.gateway.url}{path}") as reply:
            assert reply.status == 200, await reply.text()
            return await reply.json()


@pytest.fixture
async def served(start: Start) -> Served:
    orders, clock = Orders(), Clock()
    auto = AutoModels(orders, clock=clock, kept=4)
    kept = KeptTurns(paths.responses_folder(), Settings().responses)
    return Served(await start(auto=auto, kept=kept), auto, orders, clock)


USER = [{"role": "user", "content": "What is it?"}]
APIS = {
    "/v1/chat/completions": {"messages": USER},
    "/v1/messages": {"messages": USER, "max_tokens": 9},
    "/v1/responses": {"input": "What is it?"},
    "/v1/completions": {"prompt": "It is"},
}
COUNTS = {
    "/v1/chat/completions/input_tokens": {"messages": USER},
    "/v1/messages/count_tokens": {"messages": USER},
    "/v1/responses/input_tokens": {"input": "What is it?"},
}


FAILURES: dict[str, ViewfinderError] = {
    "given up": ModelFailed("It died too often."),
    "no memory": MemoryShort("It does not fit."),
    "quarantined": EngineQuarantined("Its canary failed."),
    "its queue is full": Busy("The queue is full.", code="queue_full"),
    "being unloaded": Busy("It is being unloaded.", code="unloading"),
}


async def test_every_api_answers_by_the_best_and_names_it(served: Served) -> None:
    served.measured("both", "blind")
    for path, body in APIS.items():
        async with served.post(path, **body) as reply:
            assert reply.status == 200, await reply.text()
            answer = await reply.json()
            assert answer["model"] == "both"
            assert reply.headers["x-viewfinder-chosen"] == "both: 96 % on 2026-11-30"
        async with served.post(path, **body, stream=True) as reply:
            assert reply.headers["x-viewfinder-chosen"] == "both: 96 % on 2026-11-30"
            text = await reply.text()
        assert '"model":"both"' in text
        assert "auto:best" not in text
        if path == "/v1/responses":
            assert (await served.get(f"{path}/{answer['id']}"))["model"] == "both"
    served.measured("blind", "both")
    for path, body in COUNTS.items():
        async with served.post(path, **body) as reply:
            assert (await reply.json())["input_tokens"] == 4711
            assert reply.headers["x-viewfinder-chosen"] == "blind: 96 % on 2026-11-30"
    assert set(served.gateway.fleet.loads) == {"blind"}
    served.gateway.engine.likely = yes_or_no
    question = {"type": "predicate", "instructions": "Is it red?"}
    async with served.post("/v1/decisions", input="Look.", questions=[question]) as reply:
        assert (await reply.json())["model"] == "blind"
        assert reply.headers["x-viewfinder-chosen"] == "blind: 96 % on 2026-11-30"
    served.gateway.engine.likely = None
    async with served.gateway.post("hello") as reply:  # a request that names its model is not touched
        assert (await reply.json())["model"] == "both"
        assert "x-viewfinder-chosen" not in reply.headers


async def yes_or_no(body: dict[str, Any]) -> dict[str, float]:
    return {"Yes": 0.9, "No": 0.1}


async def test_what_a_request_needs_decides(served: Served) -> None:
    one, two = showing(picture("red")), showing(picture("red"), picture("blue"))
    served.measured("blind", "one-eye", "both")
    assert [await served.model(messages=some) for some in (USER, one, two)] == ["blind", "one-eye", "both"]


async def test_a_failure_before_the_first_word_goes_to_the_next(served: Served) -> None:
    for error in FAILURES.values():
        for stream in (False, True):
            served.measured("one-eye", "both blind")
            served.gateway.fleet.broken["one-eye"] = error
            async with served.post(messages=USER, stream=stream) as reply:
                assert '"model":"both"' in await reply.text()
                why = reply.headers["x-viewfinder-chosen"]
            assert why.startswith("both: 96 % on 2026-11-30; blind cannot be told apart")
            assert why.endswith(f"; one-eye was passed over: {error.reason}")
    served.measured("unloadable one-eye", "both")
    served.gateway.fleet.broken["one-eye"] = FAILURES["no memory"]
    async with served.post(messages=USER, n=3) as reply:  # the whole group
        answer = await reply.json()
    assert (answer["model"], len(answer["choices"])) == ("both", 3)
    assert served.gateway.fleet.leases == 0


async def test_a_death_is_left_to_the_retry_and_then_to_the_next(served: Served) -> None:
    """All models of this fleet have one engine: where it always dies, it does for the next ones, too."""
    served.measured("both", "blind")
    assert await served.model(messages=[{"role": "user", "content": "die once"}]) == "both"
    assert served.gateway.fleet.loads == ["both", "both"]
    served.measured("both", "blind")
    status, error = await served.error(messages=[{"role": "user", "content": "die"}])
    assert (status, error["code"]) == (502, "engine_died")
    assert served.gateway.fleet.loads[:4] == ["both", "both", "blind", "blind"]
    assert len(set(served.gateway.fleet.loads)) == MOST_TRIED
    served.measured("both", "blind")
    async with served.post(messages=[{"role": "user", "content": "die in the middle"}], stream=True) as reply:
        text = await reply.text()
    assert "engine_died" in text
    assert "[DONE]" not in text
    assert served.gateway.fleet.loads == ["both"]  # after the first word, no other model continues


async def test_what_no_other_model_can_help_goes_to_none(served: Served) -> None:
    served.measured("both", "one-eye")
    status, error = await served.error(messages=showing("data:image/png;base64,AAAA"))
    assert (status, error["code"]) == (400, "invalid_image")
    assert served.gateway.fleet.loads == []
    for refusal in (
        UnsupportedParameter("No such field.", param="seed"),  # of an engine, and they all have that one
        ContextExceeded("9000 tokens", 8192),  # and none takes more
    ):
        served.gateway.fleet.broken["both"] = refusal
        status, error = await served.error()
        assert (status, error["code"]) == (400, refusal.reason)
        assert served.gateway.fleet.loads == []


async def test_a_model_that_failed_comes_last_for_a_minute(served: Served) -> None:
    served.measured("one-eye", "both")
    served.gateway.fleet.broken["one-eye"] = FAILURES["no memory"]
    assert await served.model() == "both"
    served.gateway.fleet.broken.clear()
    served.clock.now_s += 10
    async with served.post(messages=USER) as reply:
        assert "one-eye was passed over: it failed 10 s ago" in reply.headers["x-viewfinder-chosen"]
    assert await served.model() == "both"
    served.clock.now_s += 60
    assert await served.model() == "one-eye"


async def test_equals_do_not_swap(served: Served) -> None:
    served.measured("one-eye both blind")
    assert Counter([await served.model() for _ in range(25)]) == {"one-eye": 25}
    served.gateway.fleet.loads.append("both")  # someone asks for an equal by its name
    assert Counter(await asyncio.gather(*(served.model() for _ in range(25)))) == {"one-eye": 25}


async def test_many_first_requests_at_once_load_one_of_the_equals(served: Served) -> None:
    served.measured("both one-eye")
    served.gateway.fleet.loadable.clear()
    several = [asyncio.create_task(served.model()) for _ in range(8)]
    async with asyncio.timeout(10):
        while len(served.gateway.fleet.loads) < 8:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    served.gateway.fleet.loadable.set()
    assert set(await asyncio.gather(*several)) == {"both"}
    assert set(served.gateway.fleet.loads) == {"both"}


async def test_nothing_measured_and_then_something(served: Served) -> None:
    async with served.post(messages=USER) as reply:
        assert "not measured here" in reply.headers["x-viewfinder-chosen"]
    assert [one["id"] for one in (await served.get("/v1/models"))["data"]] == ALL
    served.measured("blind")
    assert await served.model() == "blind"
    served.gateway.fleet.catalog.aliases["gpt-4o"] = "auto:best"  # a client may have a name built in
    assert await served.model(model="gpt-4o") == "blind"
    del served.gateway.fleet.catalog.aliases["gpt-4o"]


async def test_nothing_that_fits_is_an_error_with_the_way_out(served: Served) -> None:
    fleet = served.gateway.fleet
    for name in ("auto:", "auto:worst", "auto:BEST"):
        status, error = await served.error(model=name)
        assert (status, error["code"]) == (404, "model_not_found")
        assert "auto:best, auto:fast, auto:text, auto:smallest, auto:own" in error["message"]
    async with served.post(model="auto:own", messages=USER) as reply:
        assert (reply.status, reply.headers["x-should-retry"]) == (503, "false")
        error = (await reply.json())["error"]
    assert error["code"] == "no_model_fits"
    assert "viewfinder bench --vqa FOLDER" in error["message"]
    async with served.post("/v1/messages", model="auto:own", messages=USER, max_tokens=9) as reply:
        assert (reply.status, (await reply.json())["type"]) == (503, "error")
    fleet.models = fleet.models[1:2]  # the blind one
    served.clock.now_s += LOOK_AGAIN_S
    status, error = await served.error(messages=showing(picture("red")))
    assert (status, error["code"], error["param"]) == (400, "no_model_fits", "messages")
    assert "blind: it sees no images" in error["message"]
    fleet.states["blind"] = "failed"
    status, error = await served.error()
    assert status == 503
    assert "viewfinder load blind" in error["message"]


async def test_the_names_are_listed_with_what_was_measured(served: Served) -> None:
    served.orders.now = {
        "best": measured("eyes", "both"),
        "fast": measured("both"),
        "own": measured("gone"),
    }
    listed = {one["id"]: one for one in (await served.get("/v1/models"))["data"]}
    assert [name for name in listed if name.startswith("auto:")] == ["auto:best", "auto:fast"]
    best = listed["auto:best"]
    assert (best["alias_of"], best["chosen_because"]) == ("eyes", "eyes: 96 % on 2026-11-30")
    assert best["capabilities"] == ["vision"]
    assert listed["both"]["chosen_because"] is None
    assert (await served.get("/v1/models/auto:fast"))["alias_of"] == "both"
    assert (await served.get("/v1/models/auto:own"))["alias_of"] is None
    async with served.gateway.http.get(f"{served.gateway.url}/v1/models/auto:none") as reply:
        assert reply.status == 404


async def test_an_answer_says_how_its_model_was_chosen(served: Served) -> None:
    served.measured("one-eye", "both", "eyes")
    served.gateway.fleet.broken["one-eye"] = FAILURES["no memory"]
    url, ids = f"{served.gateway.url}/v1/chat/completions", []
    for number in range(5):
        body, headers = {"model": "auto:best", "messages": USER}, {"x-request-id": f"mine-{number}"}
        async with served.gateway.http.post(url, json=body, headers=headers) as reply:
            ids.append((await reply.json())["id"])
        if not number:
            chosen = (await served.get(f"/v1/answers/{ids[0]}"))["chosen"]
    assert (chosen["name"], chosen["model"], chosen["variant"]) == ("auto:best", "both", "faulty")
    assert chosen["measured"] == "both: 96 % on 2026-11-30"
    why = {one["model"]: (one["measured"], one["why"]) for one in chosen["others"]}
    assert why["one-eye"] == ("one-eye: 96 % on 2026-11-30", "memory_short")
    assert why["eyes"] == ("eyes: 96 % on 2026-11-30", "it needs an image")
    assert why["blind"] == ("", "it was not measured here")
    assert why["uninstalled"][1].startswith("No engine")

    assert served.auto.choice(ids[0]) is None  # four are kept here
    assert served.auto.choice("mine-1") is served.auto.choice(ids[1])
    assert served.auto.newest() is served.auto.choice(ids[4])
    assert (await served.get(f"/v1/answers/{ids[0]}"))["chosen"] is None
