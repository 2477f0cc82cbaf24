"""Faults that do not break an engine but that a measurement must find, by name; called by `faulty_server`.

A share of requests is planted as every so many-th, so that no run depends on luck, but at another place in
each process.
"""

import hashlib
import json
import math
import time
from collections.abc import Callable
from typing import Any, Protocol

from faulty_sight import Sight


class Handler(Protocol):
    """What a deed may use of a request's handler."""

    words: str
    seen: list[str]
    sight: Sight
    body: dict[str, Any]
    process: int
    arrived_s: float

    def answer(self, words: str, later_s: float = 0.0, slower: float = 1.0) -> None: ...
    def told_of(self, picture: str) -> str: ...
    def begin(self) -> None: ...
    def event(self, payload: dict[str, Any]) -> None: ...
    def end(self) -> None: ...
    def whole(self, status: int, payload: dict[str, Any] | str) -> None: ...


MB = 1_000_000
WRONG = "I cannot tell."
LATER_S = 0.2
FIRST_IMAGE_S = 1.0
RESTED_S, WAKES_S = 1.0, 0.1
FORGETS_AT_TURN = 4
MISTAKEN = 0.2
SURE_OF_IT = (0.6, 0.75, 0.9, 0.7, 0.8)
_held: list[bytes] = []
_decided: dict[str, list[str]] = {}
"""The pictures of the decisions of each kind, in order."""
_bodies: set[bytes] = set()
_ended_s: list[float] = []


def is_turn(request: Handler, number: int, every: int) -> bool:
    """Whether this request is one of every n."""
    return (number + 7 * request.process) % every == 0


def images_before(request: Handler) -> list[str]:
    """The pictures of the requests before this one."""
    return [picture for picture in request.seen[:-1] if picture != "none"]


def late(request: Handler, number: int) -> None:
    request.answer(request.words, later_s=LATER_S)


def half_as_fast(request: Handler, number: int) -> None:
    request.answer(request.words, slower=2.0)


def grow(size_bytes: int) -> Callable[[Handler, int], None]:
    def deed(request: Handler, number: int) -> None:
        _held.append(b"x" * size_bytes)
        request.answer(request.words)

    return deed


def the_previous_now_and_then(request: Handler, number: int) -> None:
    before = [picture for picture in images_before(request) if picture != request.sight.picture]
    mixed_up = request.sight.picture != "none" and before and is_turn(request, number, 50)
    request.answer(request.told_of(before[-1]) if mixed_up else request.words)


def always_the_first(request: Handler, number: int) -> None:
    before = images_before(request)
    frozen = request.sight.picture != "none" and before
    request.answer(request.told_of(before[0]) if frozen else request.words)


def forget(request: Handler, number: int) -> None:
    turn = sum(message["role"] == "user" for message in request.body["messages"])
    request.answer(WRONG if turn >= FORGETS_AT_TURN else request.words)


def be_mistaken(request: Handler, number: int) -> None:
    request.answer(WRONG if request.sight.is_hard(MISTAKEN) else request.words)


def fail_without_image(request: Handler, number: int) -> None:
    if request.sight.picture == "none":
        request.whole(500, {"error": {"message": "missing positional argument: pixel_values"}})
    else:
        request.answer(request.words)


def fail_every_second_image(request: Handler, number: int) -> None:
    if request.sight.picture != "none" and len(images_before(request)) % 2:
        request.whole(500, {"error": {"message": "operands could not be broadcast together"}})
    else:
        request.answer(request.words)


def fail_in_a_200(request: Handler, number: int) -> None:
    if is_turn(request, number, 4):
        request.whole(200, {"error": {"code": 500, "message": "generation failed"}})
    else:
        request.answer(request.words)


def be_silent_now_and_then(request: Handler, number: int) -> None:
    request.answer("" if is_turn(request, number, 20) else request.words)


def repeat_in_other_words(request: Handler, number: int) -> None:
    """What was asked before is answered as from another cache: the same, and yet not the same."""
    body = hashlib.sha256(json.dumps(request.body["messages"]).encode()).digest()
    again = body in _bodies
    _bodies.add(body)
    request.answer(f"{request.words} That is so." if again else request.words)


def be_slow_at_the_first_image(request: Handler, number: int) -> None:
    first = request.sight.picture != "none" and not images_before(request)
    request.answer(request.words, later_s=FIRST_IMAGE_S if first else 0.0)


def wake_up_slowly(request: Handler, number: int) -> None:
    """An image after a rest comes later; what comes back to back does not."""
    rested = _ended_s and request.arrived_s - _ended_s[-1] > RESTED_S
    request.answer(request.words, later_s=WAKES_S if rested and request.sight.picture != "none" else 0.0)
    _ended_s.append(time.monotonic())


def decide(too_sure: float) -> Callable[[Handler, int], None]:
    """Tell the probabilities of the named answers, with logits so many times too large.

    How sure it may be changes from question to question, and of those that it is equally sure of, every
    so many-th is wrong; alike among the even and the odd ones of a kind, for half of them judge the others.
    """

    def deed(request: Handler, number: int) -> None:
        if not request.body.get("logprobs"):
            request.answer(request.words)
            return
        answers, right = answers_in(request.sight.question), request.told_of(request.sight.picture)
        asked = _decided.setdefault(kind_of(answers), [])
        if request.sight.picture not in asked:  # it comes in both orders
            asked.append(request.sight.picture)
        place = asked.index(request.sight.picture) // 2
        sure, before = SURE_OF_IT[place % len(SURE_OF_IT)], place // len(SURE_OF_IT)
        wrong = int((before + 1) * (1 - sure) + 0.5) > int(before * (1 - sure) + 0.5)
        said = answers[answers.index(right) - 1] if wrong else right
        told = 1 / (1 + ((1 - sure) / sure) ** too_sure)
        likely = {answer: (1 - told) / (len(answers) - 1) for answer in answers} | {said: told}
        tops = [{"token": answer, "logprob": math.log(share)} for answer, share in likely.items()]
        token = {"token": said, "logprob": math.log(told), "top_logprobs": tops}
        request.begin()
        delta = {"role": "assistant", "content": said}
        request.event({"choices": [{"index": 0, "delta": delta, "logprobs": {"content": [token]}}]})
        request.end()

    return deed


def answers_in(question: str) -> list[str]:
    """Those that its first line names, always in one order."""
    named = question.partition("\n")[0].rstrip(".").removeprefix("Answer ").rpartition(": ")[2]
    return sorted(named.replace(" or ", ", ").split(", "))


def kind_of(answers: list[str]) -> str:
    if answers == ["no", "yes"]:
        return "predicate"
    return "score" if answers[0].isdigit() else "choice"


AT_REQUEST: dict[str, Callable[[Handler, int], None]] = {
    "late-first-token": late,
    "half-decode-speed": half_as_fast,
    "grows-a-fifth-mb": grow(MB // 5),
    "grows-one-mb": grow(MB),
    "previous-image-at-times": the_previous_now_and_then,
    "frozen-on-first-image": always_the_first,
    "forgets-at-turn-four": forget,
    "mistaken-in-a-fifth": be_mistaken,
    "text-fails": fail_without_image,
    "every-second-image-fails": fail_every_second_image,
    "errors-in-a-200": fail_in_a_200,
    "empty-at-times": be_silent_now_and_then,
    "repeats-differ": repeat_in_other_words,
    "slow-first-image": be_slow_at_the_first_image,
    "slow-after-a-pause": wake_up_slowly,
    "too-sure": decide(3.0),
}
