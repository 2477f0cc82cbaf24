"""A subject whose every answer is planted; what no real engine does on demand."""

from collections.abc import Callable
from types import SimpleNamespace

from viewfinder.catalog.card import Variant
from viewfinder.client.exchange import Exchange
from viewfinder.measure.prompts import Prompt
from viewfinder.measure.store.rows import Sample

Answer = Callable[[str, Prompt], str]
"""Scenario and prompt in, reply out; one that begins with "error:" is a request that failed."""


def knows(scenario: str, prompt: Prompt) -> str:
    """Right always, with an image or without."""
    return prompt.expected or "Shapes."


class Planted:
    """Stands in for `bench/subject.Subject`; keeps what it was asked."""

    def __init__(self, answer: Answer = knows, **variant: object) -> None:
        fields = {"name": "v", "engine": "e", "repo": "r", "vision": True, "text": True} | variant
        self.server = SimpleNamespace(variant=Variant.model_validate(fields))
        self.asked: list[Sample] = []
        self.prompts: list[tuple[str, Prompt]] = []
        self.now_s = 0.0
        self._answer = answer

    def clock(self) -> float:
        return self.now_s

    def topic(self, scenario: str) -> str:
        return scenario

    async def kept_conversation(self) -> None:
        """An engine has none."""

    async def ask(self, scenario: str, prompt: Prompt) -> Sample:
        self.prompts.append((scenario, prompt))
        self.now_s += 1
        reply = self._answer(scenario, prompt)
        failed = reply.startswith("error:")
        exchange = Exchange(0.0, 1.0, text="" if failed else reply, error=reply if failed else "")
        right = None if prompt.is_right is None else not failed and prompt.is_right(reply)
        asked = Sample(
            "run", "m", 0, scenario, prompt.question, exchange, prompt.scene, prompt.expected, right
        )
        self.asked.append(asked)
        return asked
