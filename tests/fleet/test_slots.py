"""The canary leaves what users' prompts left in llama.cpp's slots."""

from typing import Any

from aiohttp import web

from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.fleet.slots import SpareSlot, spare
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
        spare_slot = SpareSlot(server.client)
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


async def test_a_server_without_slots_chooses_for_itself(tmp_path) -> None:
    async def slots(_: web.Request) -> web.Response:
        return answers.pop(0)

    answers = [
        web.Response(status=404),
        web.Response(text="nonsense"),
        web.json_response({"slots": 1}),
        web.json_response([{"id": "x"}]),
        web.json_response(3),
        web.Response(status=501),
    ]
    app = web.Application()
    app.router.add_get("/slots", slots)
    runner = web.AppRunner(app)
    await runner.setup()
    socket = tmp_path / "engine.sock"
    await web.UnixSite(runner, str(socket)).start()
    try:
        async with ChatClient(Endpoint("http://engine", socket=socket)) as client:
            spare_slot = SpareSlot(client)
            while len(answers) > 1:
                assert await spare_slot.take() is None
            await spare_slot.leave(None)
            assert await spare_slot.all() == [None]
    finally:
        await runner.cleanup()
