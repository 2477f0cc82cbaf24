"""A gateway's fleet over replicas in this process: real fleets of real engines, and no Ray between them."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.pictures import body_of
from viewfinder.catalog.catalog import WEIGHTS, Catalog
from viewfinder.cluster.board import ClusterBoard
from viewfinder.cluster.client import REPLICA_ATTEMPTS, ReplicaGone, conversation_of
from viewfinder.cluster.fleet import ClusterFleet
from viewfinder.cluster.messages import Failed, KnownFiles, Opened, ReplicaRequest
from viewfinder.cluster.node import WRONG_CANARIES, NodeFleet
from viewfinder.core.config import Settings
from viewfinder.core.errors import Busy, EngineDied, EngineQuarantined, ModelFilesError, UnknownModel
from viewfinder.core.paths import folders
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.view import FleetView
from viewfinder.scenes.messages import Message, image_message
from viewfinder.scenes.scene import make_scene


class Near:
    """Replicas in this process. The first `gone` calls find a dead one; `cut_after` pieces it dies."""

    def __init__(self, *nodes: NodeFleet) -> None:
        self.nodes, self.gone, self.cut_after = [*nodes], 0, 10**9
        self.calls = 0

    async def load(
        self, model: str, files: KnownFiles | None = None, avoid: Sequence[str] = ()
    ) -> Opened | Failed:
        self._call()
        return await self._not(avoid)[0].load(model, files)

    async def answer(self, asked: ReplicaRequest) -> AsyncGenerator[bytes | Failed, None]:
        self._call()
        nodes = self._not(asked.avoid)
        async with aclosing(nodes[self.calls % len(nodes)].answer(asked)) as pieces:
            number = 0
            async for piece in pieces:
                if number >= self.cut_after:
                    raise ReplicaGone("it died")
                number += 1
                yield piece

    def _not(self, avoid: Sequence[str]) -> list[NodeFleet]:
        return [node for node in self.nodes if node._replica not in avoid] or self.nodes

    def _call(self) -> None:
        self.calls += 1
        if self.gone:
            self.gone -= 1
            raise ReplicaGone("it is dead")


async def never(*_: object) -> None:
    raise AssertionError("no settings were changed")


class Both:
    """A gateway's fleet, and the nodes that it asks."""

    def __init__(self, fleet: ClusterFleet, near: Near, board: ClusterBoard) -> None:
        self.fleet, self.near, self.board = fleet, near, board

    async def until(self, condition: Any) -> FleetView:
        async with asyncio.timeout(20):
            while not condition(self.fleet.view()):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return self.fleet.view()


@asynccontextmanager
async def opened(
    home: Path, monkeypatch: pytest.MonkeyPatch, weights: Sequence[Path] = (WEIGHTS, WEIGHTS)
) -> AsyncIterator[Both]:
    """Nodes, two at most; `weights` are the folders of their models."""
    monkeypatch.setattr("viewfinder.cluster.node.REPORT_S", 0.05)
    monkeypatch.setattr("viewfinder.cluster.fleet.BOARD_LOOK_S", 0.05)
    board, settings = ClusterBoard(), Settings()
    async with AsyncExitStack() as stack:
        nodes = []
        for name, folder in zip(("one", "two"), weights, strict=False):

            @asynccontextmanager
            async def open_node(catalog: Catalog) -> AsyncIterator[Fleet]:
                async with Fleet(catalog, settings, folders()) as fleet:
                    yield fleet

            opening = partial(open_node, Catalog(weights=folder))
            node = NodeFleet(opening, board, {}, replica=name, node=f"{name}-node")
            await node.open()
            stack.push_async_callback(node.close)
            nodes.append(node)
        near = Near(*nodes)
        fleet = ClusterFleet(
            Catalog(),
            settings,
            folders(),
            measured=None,
            replicas=near,
            board=board,
            gateway="gateway",
            slots=8,
            redeploy=never,
        )
        await stack.enter_async_context(fleet)
        fleet.begin()
        yield Both(fleet, near, board)


async def said(fleet: Fleet, *, stream: bool = False) -> str:
    """What glimpse says of a picture; its lease notes the answer, as the gateway's does."""
    body = body_of(0, stream=stream)
    async with await fleet.acquire("glimpse") as lease:
        if stream:
            words = ""
            async with aclosing(lease.client.stream(body)) as chunks:
                async for chunk in chunks:
                    words += "".join(one["delta"].get("content") or "" for one in chunk["choices"])
        else:
            reply = await lease.client.complete(body)
            words = reply["choices"][0]["message"]["content"]
        lease.answered(f"answer {id(lease)}")
        return words


async def cached_of(fleet: Fleet, messages: list[Message]) -> tuple[str, int]:
    """The answer, and how many tokens of the prompt its engine still knew."""
    async with await fleet.acquire("glimpse") as lease:
        reply = await lease.client.complete({"messages": messages, "max_tokens": 8, "temperature": 0})
        lease.answered(f"answer {id(lease)}")
    words = reply["choices"][0]["message"]["content"]
    return words, reply["usage"]["prompt_tokens_details"]["cached_tokens"]


async def test_a_node_keeps_the_picture_of_a_conversation(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node did not know what its requests said: two texts cost a conversation its picture, and each canary
    took the first slot, whoever used it."""
    async with opened(home, monkeypatch, (WEIGHTS,)) as both:
        asked = [image_message(make_scene("slots", things=1), "What color is the shape?")]
        said_first, _ = await cached_of(both.fleet, asked)
        for number in range(2):
            text = f"What is the capital of France, and of {number} others?"
            await cached_of(both.fleet, [{"role": "user", "content": text}])
        asked += [{"role": "assistant", "content": said_first}, {"role": "user", "content": "Which shape?"}]
        _, cached = await cached_of(both.fleet, asked)
        assert cached > 50, "its picture alone has that many tokens"


async def test_the_story_of_a_cluster(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One test, for one start of the engines: answers, retries, errors, what is shown, orders, suspects."""
    async with opened(home, monkeypatch) as both:
        fleet, near = both.fleet, both.near
        near.gone = 1
        words = await said(fleet)
        assert words
        assert await said(fleet, stream=True) == words
        near.gone = REPLICA_ATTEMPTS - 1
        assert await said(fleet, stream=True) == words, "nothing was answered yet: another one is asked"
        replays = [event for event in fleet.events.recent if event.kind == "replay"]
        assert len(replays) == REPLICA_ATTEMPTS - 1
        near.gone = REPLICA_ATTEMPTS
        with pytest.raises(EngineDied, match="is gone"):
            await said(fleet)
        near.cut_after = 1
        with pytest.raises(EngineDied, match="is gone"):
            await said(fleet, stream=True)
        near.cut_after = 10**9
        with pytest.raises(UnknownModel):
            await fleet.acquire("nope")

        view = await both.until(lambda view: len([one for one in view.servers if one.verified]) == 2)
        assert [node.models for node in view.nodes] == [("glimpse",), ("glimpse",)]
        assert len({one.node for one in view.servers}) == 2
        assert FleetView.of_json(view.as_json()) == view
        assert {"ready", "canary"} <= {event.kind for event in fleet.events.recent}

        noted = [f"call_id {number}" for number in range(2)]
        for node, call_id in zip(near.nodes, noted, strict=True):
            fleet.answers.note("glimpse/x", f"id of {call_id}")
            fleet._note(call_id, f"id of {call_id}")
            node._unsettled[call_id] = None
            node.fleet.answers.note("glimpse/x", call_id)
        near.nodes[0].fleet.answers.suspect("glimpse/x", "wrong")
        near.nodes[1].fleet.answers.confirm("glimpse/x")
        await both.until(lambda _: fleet.answers.suspects())
        (suspect,) = fleet.answers.suspects()
        assert (suspect.id, suspect.reason) == ("id of call_id 0", "wrong")
        confirmed = fleet.answers.get("id of call_id 1")
        assert confirmed is not None
        assert confirmed.status == "confirmed"
        (told,) = [event for event in fleet.events.recent if event.kind == "suspect"]
        assert (told.model, told.details["answers"]) == ("glimpse", ["id of call_id 0"])

        await fleet.unload("glimpse")
        await both.until(lambda view: not any(one.pid for one in view.servers))
        for node in near.nodes:
            node.check()
        for _ in range(WRONG_CANARIES):
            near.nodes[0].fleet.events.emit("canary", "glimpse", good=False)
        with pytest.raises(EngineQuarantined, match="one-node"):
            near.nodes[0].check()
        await near.nodes[0].fleet.close()
        near.nodes = near.nodes[:1]
        with pytest.raises((EngineDied, Busy)):
            await said(fleet)


async def test_a_node_with_a_damaged_copy_is_passed_over_until_it_is_right(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bit of its weights is wrong: nothing but the hash would tell."""
    right, damaged = WEIGHTS / "glimpse", tmp_path / "glimpse"
    shutil.copytree(right, damaged)
    model = damaged / "glimpse-f16.gguf"
    content = bytearray(model.read_bytes())
    content[-1000] ^= 1
    model.write_bytes(content)
    async with opened(home, monkeypatch, (tmp_path, WEIGHTS)) as both:
        fleet, one = both.fleet, both.near.nodes[0]
        words = await said(fleet)
        assert words
        assert await said(fleet, stream=True) == words
        assert one.fleet.view().servers == ()
        view = await both.until(lambda view: any(node.refused for node in view.nodes))
        (reason,) = [node.refused["glimpse"] for node in view.nodes if node.refused]
        assert "are not those of the gateway: SHA-256" in reason
        assert FleetView.of_json(view.as_json()) == view
        assert one.refused() == ["glimpse"]
        (told,) = [event for event in fleet.events.recent if event.kind == "files"]
        assert told.model == "glimpse"
        assert told.details["reason"] == reason

        both.near.nodes = [one]
        with pytest.raises(ModelFilesError, match="are not those of the gateway") as caught:
            await said(fleet)
        assert caught.value.reason == "files_differ"
        assert str(model) in caught.value.hint

        shutil.copy(right / model.name, model)
        assert one.refused() == []
        assert await said(fleet) == words
        await both.until(lambda view: not any(node.refused for node in view.nodes))


def test_a_conversation_is_known_by_its_beginning() -> None:
    first = {"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "Hi"}]}
    later = {"messages": [*first["messages"], {"role": "assistant"}, {"role": "user", "content": "And?"}]}
    assert conversation_of(first) == conversation_of(later)
    assert conversation_of(first) != conversation_of({"messages": [{"role": "user", "content": "Ho"}]})
    assert conversation_of({"prompt": "a"}) != conversation_of({"prompt": "b"})
