"""The canary leaves what users' prompts left in llama.cpp's slots."""

from typing import Any

import orjson
import pytest

from viewfinder.fleet.health.slots import SpareSlot, spare
from viewfinder.scenes.messages import Message, image_message
from viewfinder.scenes.scene import make_scene


def test_the_slot_unused_for_longest_is_spare() -> None:
    assert spare({}, None) is None
    assert spare({0: 7, 1: 3, 2: 5}, None) == 1
    assert spare({0: -1, 1: -1}, None) == 0  # nobody was anywhere: the first user is given the last


def test_the_canary_stays_where_it_was_until_somebody_comes_there() -> None:
    assert spare({0: 3, 1: 9}, mine=(1, 9)) == 1
    assert spare({0: 3, 1: 12}, mine=(1, 9)) == 0


def picture(number: int) -> Message:
    scene = make_scene(f"slots/{number}", longest=(200, 224))
    return image_message(scene, "How many shapes are there?")


async def test_a_users_prompt_stays_cached_beside_canaries(make_server) -> None:
    """llama.cpp alone would give two known images two slots, and the user's prompt would be gone."""
    server = make_server(slots=2)
    await server.start()
    try:

        async def cached(messages: list[Message], **more: Any) -> int:
            body = {"model": "m", "messages": messages, "max_tokens": 8, "temperature": 0, **more}
            said = await server.client.exchange(body, timeout_s=60)
            assert not said.error
            return int(said.timings["cache_n"])

        user = [picture(0)]
        spare_slot = SpareSlot(server.client, "/slots")
        taken = set()
        for round_ in range(3):
            slot = await spare_slot.take()
            assert slot is not None
            taken.add(slot)
            for number in (1, 2):
                await cached([picture(number)], id_slot=slot)
            await spare_slot.leave(slot)
            if round_ == 0:  # the canary was first on a fresh server
                await cached(user)
                continue
            user += [{"role": "assistant", "content": "2."}, {"role": "user", "content": f"Sure? {round_}"}]
            assert await cached(user) > 60, "the image would have to be computed again"
        assert len(taken) == 1
        assert await spare_slot.all() == [0, 1]
    finally:
        await server.stop()


class Told:
    """A client of a server that answers as the test says."""

    def __init__(self, status: int, body: object) -> None:
        self.answer = (status, orjson.dumps(body))

    async def get(self, path: str, timeout_s: float) -> tuple[int, bytes]:
        assert path == "/slots"
        return self.answer


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, []), (501, {}), (200, "nonsense"), (200, {"slots": 1}), (200, [{"id": "x"}]), (200, 3)],
)
async def test_a_server_without_slots_chooses_for_itself(status: int, body: object) -> None:
    spare_slot = SpareSlot(Told(status, body), "/slots")
    assert await spare_slot.take() is None
    await spare_slot.leave(None)
    assert await spare_slot.all() == [None]


async def test_a_slot_that_answers_a_user_is_not_waited_for() -> None:
    """The canary would time out behind a long answer, and a healthy engine be quarantined."""
    busy, free = ({"id": slot, "is_processing": slot == 0, "id_task": 9 * slot} for slot in (0, 1))
    assert await SpareSlot(Told(200, [busy, free]), "/slots").take() == 1
    assert await SpareSlot(Told(200, [busy, free]), "/slots").all() == [1]
    assert await SpareSlot(Told(200, [busy]), "/slots").take() is None
    assert await SpareSlot(Told(200, [busy]), "/slots").all() == [None]
