"""What a target takes at least on the machine that measured it: parts of each wait that no gateway which
makes pictures safe can save; used by `__main__` and `table`."""

import base64
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.peers import asking
from benchmarks.peers.asking import ask
from benchmarks.peers.rows import FOLLOW_UP, QUESTIONS, Found
from benchmarks.peers.systems import RELAY, Gateway
from viewfinder.measure.statistics.intervals import median
from viewfinder.media.frames import Order
from viewfinder.media.picture import make_picture

TEXTS, BLOCKS = 50, 8
PICTURES = 40
TEXT_TIME = "text: processor time"
MADE_SAFE = "new PNG of 512 px: decoded and encoded"
ALONE = "the decoder alone"
NO_LIMIT = 2**30
ENGINES_TURN_S = 0.03
TEXT, PNG, JPEG, AGAIN = (question.what for question in QUESTIONS)


@dataclass(frozen=True, slots=True)
class Floor:
    """The least that `row` can be; `parts` says what it is made of."""

    row: Found
    value: float
    parts: str


def parts_of(gateway: Gateway) -> Iterator[Found]:
    """Rows of the parts: what the gateway's processes compute for a text, and how long a picture takes."""
    spent = []
    for block in range(BLOCKS):
        before_s = gateway.own_cpu_s()
        for number in range(TEXTS):
            ask(gateway.way, asking.text(number + block))
        spent.append(1000 * (gateway.own_cpu_s() - before_s) / TEXTS)
    yield Found(TEXT_TIME, "Viewfinder", median(spent), "ms")
    yield Found(MADE_SAFE, ALONE, median([_made_safe_ms(number) for number in range(PICTURES)]), "ms")


def _made_safe_ms(number: int) -> float:
    """After a rest, as in the gateway, whose decoder rests while the engine computes."""
    [message] = asking.picture(512, "png")(20_000 + number)
    data = base64.b64decode(message["content"][0]["image_url"]["url"].partition(",")[2])
    time.sleep(ENGINES_TURN_S)
    begin_s = time.perf_counter()
    make_picture(data, max_pixels=NO_LIMIT, order=Order())
    return 1000 * (time.perf_counter() - begin_s)


def floors(rows: Sequence[Found]) -> Iterator[Floor]:
    """Those of the rows that have a target and missed it, where one is known."""
    relay = {one.what: one.value[0] for one in rows if one.system == RELAY}
    others = {one.what: one for one in rows if one.target is None and one.system != RELAY}
    ours = {one.what: one for one in rows if one.target is not None}
    for one in ours.values():
        if one.good:
            continue
        if one.what == FOLLOW_UP:
            yield from _of_follow_up(one, ours, relay)
        elif one.what.startswith(PNG) and one.what in relay and MADE_SAFE in others:
            made_ms = others[MADE_SAFE].value[0]
            yield Floor(
                one, relay[one.what] + made_ms, f"{RELAY}, and {made_ms:.1f} ms to decode and encode it"
            )
        elif one.what in relay:
            yield Floor(one, relay[one.what], RELAY)


def _of_follow_up(one: Found, ours: dict[str, Found], relay: dict[str, float]) -> Iterator[Floor]:
    """A picture that the engine knows, by one that it does not."""
    first, again = ours.get(f"{JPEG}: first word"), ours.get(f"{AGAIN}: first word")
    if first and again and first.bare and again.bare is not None and again.what in relay:
        known_ms = again.bare + relay[again.what]
        parts = f"{known_ms:.1f} ms for a picture that the engine knows, through {RELAY}"
        yield Floor(one, known_ms / (first.bare + first.value[0]), parts)
