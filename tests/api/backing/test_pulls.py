"""The queue of downloads; real ones are in tests/e2e/test_page_data."""

import asyncio

import pytest

from viewfinder.api.backing import pulls
from viewfinder.api.backing.own_command import Ending, Failing, Tell
from viewfinder.api.backing.pulls import PullQueue
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.errors import BadRequest, UnknownModel
from viewfinder.host.child import Exit

FIRST, SECOND, THIRD = "smolvlm-500m", "qwen3-vl-2b", "moondream2"


class Command:
    """A `viewfinder pull` that ends when a test says so."""

    started: list["Command"]

    def __init__(self, words: list[str], tell: Tell) -> None:
        self.words, self.tell = words, tell
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self.was_stopped = False

    async def wait(self) -> Ending:
        return await asyncio.shield(self.ended)

    async def stop(self, grace_s: float) -> Ending:
        self.was_stopped = True
        return Ending(Exit(None, 15, stopped=True))

    @classmethod
    async def start(cls, words: list[str], tell: Tell) -> "Command":
        cls.started.append(cls(words, tell))
        return cls.started[-1]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[Command]:
    Command.started = []
    monkeypatch.setattr(pulls, "OwnCommand", Command)
    return Command.started


@pytest.fixture
def queue() -> PullQueue:
    catalog = Catalog()

    async def pulled() -> None: ...

    return PullQueue(lambda: catalog, lambda: Settings(variants={SECOND: "other"}), pulled)


async def turn() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def statuses(queue: PullQueue) -> dict[str, str]:
    return {one.model: one.status for one in queue.all()}


async def test_one_at_a_time_in_their_order(queue: PullQueue, commands: list[Command]) -> None:
    for name in (FIRST, SECOND, THIRD):
        await queue.start(name)
    await turn()
    assert statuses(queue) == {FIRST: "preparing", SECOND: "queued", THIRD: "queued"}
    assert [one.words for one in commands] == [["pull", "--progress", "json", "--", FIRST]]
    assert (await queue.cancel(SECOND)).status == "cancelled"
    commands[0].ended.set_result(
        Ending(Exit(1, None), Failing("The disk is full.", "Free some.", "disk_full"))
    )
    await turn()
    failed = next(one for one in queue.all() if one.model == FIRST)
    assert (failed.status, failed.error, failed.hint) == ("failed", "The disk is full.", "Free some.")
    assert commands[1].words[-1] == THIRD, "a failed one holds up no other"
    commands[1].ended.set_result(Ending(Exit(0, None)))
    await turn()
    assert statuses(queue)[THIRD] == "done"
    await queue.start(SECOND)
    await turn()
    assert commands[2].words[-1] == SECOND, "a cancelled one can be started again"
    assert commands[2].words[3:5] == ["--variant", "other"], "that of the settings"
    await queue.close()
    assert commands[2].was_stopped


async def test_one_that_was_only_about_to_begin_is_cancelled(
    queue: PullQueue, commands: list[Command]
) -> None:
    await queue.start(FIRST)
    assert (await queue.cancel(FIRST)).status == "cancelled"
    await turn()
    assert commands == []
    await queue.start(FIRST)
    await turn()
    assert (await queue.cancel(FIRST)).status == "cancelled"
    await turn()
    assert commands[0].was_stopped
    assert len(commands) == 1
    await queue.close()


async def test_what_is_no_model_or_no_variant(queue: PullQueue, commands: list[Command]) -> None:
    with pytest.raises(UnknownModel):
        await queue.start("hf:someone/thing")
    with pytest.raises(BadRequest, match="has no variant"):
        await queue.start(FIRST, "--help")
    with pytest.raises(BadRequest) as refused:
        await queue.cancel("hf:someone/thing")
    assert refused.value.reason == "pull_not_found"
    assert queue.all() == ()
