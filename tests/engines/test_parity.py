"""The same weights give the same words on every engine."""

import asyncio
import itertools
import random
from functools import cache

import pytest

from viewfinder.scenes.questions import IMAGE_KINDS, Question, ask_about
from viewfinder.scenes.scene import Scene, make_scene

from .conftest import make_server, user

QUESTIONS = 300
AGREE = 0.97
ENGINES = ("llama.cpp", "mlx", "transformers")


@cache
def questions() -> list[tuple[Scene, Question]]:
    """Each about its own scene, of every kind in turn, phrased as its seed decides."""
    scenes = (make_scene(f"parity/{number}") for number in itertools.count())
    asked = (
        (scene, ask_about(scene, kind, random.Random(scene.seed)))
        for scene, kind in zip(scenes, itertools.cycle(IMAGE_KINDS), strict=False)
    )
    allowed = ((scene, question) for scene, question in asked if question)
    return list(itertools.islice(allowed, QUESTIONS))


async def answers(engine: str) -> list[str]:
    server = make_server(engine)
    await server.start()
    try:
        told = []
        for scene, question in questions():
            body = {"messages": [user(question.text, scene)], "temperature": 0, "max_tokens": 64}
            reply = await server.client.complete(body)
            told.append(reply["choices"][0]["message"]["content"])
        return told
    finally:
        await server.stop()


@pytest.mark.engines
@pytest.mark.timeout(3600)
async def test_three_engines_agree() -> None:
    told = dict(zip(ENGINES, await asyncio.gather(*map(answers, ENGINES)), strict=True))
    for one, other in itertools.combinations(ENGINES, 2):
        same = sum(a == b for a, b in zip(told[one], told[other], strict=True))
        print(f"{one} and {other} agree on {same} of {QUESTIONS}")
        assert same / QUESTIONS >= AGREE
