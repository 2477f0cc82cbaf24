"""What the faulty server does in place of answering well, by the name of its fault.

Called by `faulty_server`: `AT_START` before it listens, `AT_REQUEST` at each request while the fault is on.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

from faulty_sight import Sight


class Handler(Protocol):
    """What a deed may use of a request's handler."""

    words: str
    seen: list[str]
    sight: Sight

    def answer(self, words: str) -> None: ...
    def told_of(self, picture: str) -> str: ...
    def begin(self) -> None: ...
    def event(self, payload: dict[str, Any]) -> None: ...
    def say(self, words: str) -> None: ...
    def end(self) -> None: ...
    def write(self, data: bytes) -> None: ...
    def whole(self, status: int, payload: dict[str, Any] | str) -> None: ...
    def close_listener(self) -> None: ...
    def was_abandoned(self) -> bool: ...


MIB = 1024 * 1024
FOREVER_S = 3600.0
BURNS_S = 1.5
_leaked: list[bytes] = []
_under_way: list[str] = []


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()


def die_while_loading() -> None:
    print("no such tensor", flush=True)
    raise SystemExit(3)


def fork_three() -> None:
    for _ in range(3):
        if os.fork() == 0:
            time.sleep(FOREVER_S)
            os._exit(0)


def escape() -> None:
    """A daemon's double fork into a session of its own, deaf to SIGTERM."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(FOREVER_S)
        os._exit(0)
    os.wait()


def ignore_term() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


AT_START: dict[str, Callable[[], None]] = {
    "dies-while-loading": die_while_loading,
    "killed-while-loading": die,
    "forks-three": fork_three,
    "escapes-its-session": escape,
    "ignores-sigterm": ignore_term,
}


def die_mid_stream(request: Handler, number: int) -> None:
    request.begin()
    request.say("some")
    die()


def break_off(request: Handler, number: int) -> None:
    """The connection ends in the middle, and the process lives."""
    request.begin()
    request.say("some")


def stop_mid_stream(request: Handler, number: int) -> None:
    request.begin()
    request.say("some")
    stop_itself(request, number)


def stop_itself(request: Handler, number: int) -> None:
    """The whole process stops, as when a driver hangs: no CPU time, no answer of /health."""
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(FOREVER_S)  # this thread may run on for a moment


def error_body(request: Handler, number: int) -> None:
    request.whole(500, {"detail": "boom at /home/someone"})


def second_call_fails(request: Handler, number: int) -> None:
    """As mlx-vlm up to 0.4.0 did with LLaVA-NeXT."""
    if number == 1:
        request.answer(request.words)
    else:
        error_body(request, number)


def die_after_two(request: Handler, number: int) -> None:
    if number > 2:
        die()
    request.answer(request.words)


def answer_the_previous(request: Handler, number: int) -> None:
    request.answer(request.told_of(request.seen[max(0, len(request.seen) - 2)]))


def answer_the_first(request: Handler, number: int) -> None:
    request.answer(request.told_of(request.seen[0]))


def never_end(request: Handler, number: int) -> None:
    request.begin()
    while True:
        request.say("and ")
        time.sleep(0.001)


def no_newline(request: Handler, number: int) -> None:
    request.begin()
    request.write(b"data: ")
    for _ in range(9):
        request.write(b"x" * MIB)
    time.sleep(FOREVER_S)


def end_before_the_words(request: Handler, number: int) -> None:
    request.begin()
    request.event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    request.say(request.words)
    request.event({"choices": [{"delta": {"role": "assistant"}}]})
    request.end()


def leak(request: Handler, number: int) -> None:
    _leaked.append(b"x" * (32 * MIB))
    request.answer(request.words)


def leak_slowly(request: Handler, number: int) -> None:
    _leaked.append(b"x" * MIB)
    request.answer(request.words)


def keep_pictures(request: Handler, number: int) -> None:
    """A cache by picture, without a limit."""
    if request.seen[-1] not in request.seen[:-1]:
        leak_slowly(request, number)
    else:
        request.answer(request.words)


def answer_another(request: Handler, number: int) -> None:
    """Like batches that mixed up their rows: requests at the same time get each other's
    answers."""
    picture = request.sight.picture
    _under_way.append(picture)
    time.sleep(0.05)
    others = [other for other in _under_way if other != picture]
    try:
        request.answer(request.told_of(others[-1] if others else picture))
    finally:
        _under_way.remove(picture)


def flood(request: Handler, number: int) -> None:
    for _ in range(24):
        sys.stdout.write(("." * 1023 + "\n") * 1024)
    sys.stdout.flush()
    request.answer(request.words)


def refuse_the_next(request: Handler, number: int) -> None:
    request.close_listener()  # first: on a busy machine the next request was there before
    request.answer(request.words)


def burn(request: Handler, number: int) -> None:
    until_s = time.process_time() + BURNS_S
    while time.process_time() < until_s:
        pass
    request.answer(request.words)


def trickle(request: Handler, number: int) -> None:
    request.begin()
    for letter in request.words:
        time.sleep(0.5)
        request.say(letter)
    request.end()


def corrupt_after_an_abort(request: Handler, number: int) -> None:
    if request.was_abandoned():
        answer_the_previous(request, number)
    else:
        request.answer(request.words)


def ask_too_much(request: Handler, number: int) -> None:
    """Killed where the kernel would kill it: at an allocation."""
    _leaked.append(b"x" * (64 * MIB))
    die()


AT_REQUEST: dict[str, Callable[[Handler, int], None]] = {
    "dies": lambda request, number: die(),
    "dies-after-two": die_after_two,
    "dies-mid-stream": die_mid_stream,
    "breaks-off": break_off,
    "hangs": stop_itself,
    "hangs-mid-stream": stop_mid_stream,
    "wedged": lambda request, number: time.sleep(FOREVER_S),
    "previous-image": answer_the_previous,
    "first-image": answer_the_first,
    "error-in-a-200": lambda request, number: request.whole(
        200, {"error": {"code": 500, "message": "boom at /home/someone"}}
    ),
    "error-body": error_body,
    "empty": lambda request, number: request.answer(""),
    "endless": never_end,
    "garbage": lambda request, number: request.whole(200, "<html>"),
    "no-newline": no_newline,
    "wrong-order": end_before_the_words,
    "leaks": leak,
    "leaks-slowly": leak_slowly,
    "keeps-pictures": keep_pictures,
    "answers-another": answer_another,
    "floods-stdout": flood,
    "refuses": refuse_the_next,
    "socket-stolen": refuse_the_next,
    "burns": burn,
    "trickles": trickle,
    "second-call-fails": second_call_fails,
    "corrupt-after-abort": corrupt_after_an_abort,
    "killed-for-memory": ask_too_much,
}
