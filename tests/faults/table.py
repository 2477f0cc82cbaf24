"""The published fault table: what goes wrong, what a client sees, how it ends, and the test that shows it.

`test_faults` runs the rows of engines as they stand here; `page` writes docs/reliability.md from all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.gateway import Reply
from viewfinder.fleet.process.states import State

RED = Reply(200, "red", complete=True)
HERE = "tests/faults/test_faults.py"
A_ROW = f"{HERE}::test_it_ends_as_the_table_says"


@dataclass(frozen=True)
class Fault:
    """One row. The first five fields are the page's; the others are how `test_faults` brings it about.

    `replies` is what one client sees that asks about a red picture, again and again.
    """

    name: str
    what: str
    client: str
    end: str
    test: str = A_ROW
    """Path and function; the rows of A_ROW are told apart by their name."""
    when: str = "always"
    replies: tuple[Reply, ...] = ()
    state: State = "ready"
    starts: int = 1
    kind: str = ""
    """An event that must have been told."""
    fleet: Mapping[str, Any] = field(default_factory=dict)
    engine: Mapping[str, Any] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """What reproduces it."""
        row = f"[{self.name}]" if self.test == A_ROW else ""
        return f".venv/bin/python -m pytest '{self.test}{row}'"


QUICK_STALL: dict[str, Any] = {"stall_floor_s": 0.3}

ENGINES = (
    Fault(
        "never-ready",
        "The engine starts and never says that it is ready.",
        "504 `engine_stalled` once it has been silent for `start_timeout_s`.",
        "Ended, and started again by the restart rule; `failed` after `deaths` of them.",
        replies=(Reply(504, "", "engine_stalled"),),
        state="failed",
        starts=2,
        fleet={"deaths": 2},
        engine={"start_timeout_s": 0.5},
    ),
    Fault(
        "dies-while-loading",
        "The engine exits while it loads, every time.",
        "502 `engine_died` with its last words; 503 `model_failed` at once when it has failed.",
        "`failed` after `deaths` within `deaths_within_s`: only a person's `load` starts it again.",
        replies=(Reply(502, "", "engine_died"), Reply(503, "", "model_failed")),
        state="failed",
        starts=2,
        kind="failed",
        fleet={"deaths": 2},
    ),
    Fault(
        "killed-while-loading",
        "The engine is killed once while it loads.",
        "The answer, a load later.",
        "`ready`, on a fresh process.",
        when="first",
        replies=(RED, RED),
        starts=2,
        kind="restart",
    ),
    Fault(
        "dies-after-two",
        "Each process dies at its third request.",
        "Every answer: what had no word yet is asked again on a fresh process, streamed or not.",
        "`ready`; each death is told, with a post-mortem file.",
        replies=(RED,) * 4,
        starts=2,
        kind="replay",
    ),
    Fault(
        "dies",
        "Each process dies at its first request.",
        "502 `engine_died` after one replay; 503 `model_failed` once it has failed.",
        "`failed`: a request is replayed once, so a request that kills cannot do so for ever.",
        replies=(Reply(502, "", "engine_died"), Reply(503, "", "model_failed")),
        state="failed",
        starts=2,
        kind="failed",
        fleet={"deaths": 2},
    ),
    Fault(
        "dies-mid-stream",
        "The engine dies in the middle of an answer.",
        "The words so far, then an error event `engine_died`, and no [DONE].",
        "`ready`, on a fresh process, without waiting for the next request.",
        when="first",
        replies=(Reply(200, "some", "engine_died"), RED),
        starts=2,
        kind="death",
    ),
    Fault(
        "breaks-off",
        "The engine closes the connection in the middle of each answer, and lives.",
        "The words so far, then an error event `engine_died`, and no [DONE].",
        "`ready`: it is healthy, or its canary right, so the process is kept.",
        replies=(Reply(200, "some", "engine_died"),) * 2,
    ),
    Fault(
        "hangs",
        "The whole engine stands still: no answer, no CPU time, and its `/health` hangs too.",
        "The answer, once the silence was longer than it may be and the engine has been replaced.",
        "`ready`, on a fresh process; the stall is told with how long was expected.",
        when="armed",
        replies=(RED, RED),
        starts=2,
        kind="stall",
        fleet=QUICK_STALL,
    ),
    Fault(
        "hangs-mid-stream",
        "The whole engine stands still in the middle of an answer.",
        "The words so far, then an error event `engine_stalled`, and no [DONE].",
        "`ready`, on a fresh process.",
        when="armed",
        replies=(Reply(200, "some", "engine_stalled"), RED),
        starts=2,
        kind="stall",
        fleet=QUICK_STALL,
    ),
    Fault(
        "wedged",
        "`/health` says 200 for ever, and no request is answered.",
        "The answer, as above: `/health` is no proof of life.",
        "`ready`, on a fresh process.",
        when="armed",
        replies=(RED, RED),
        starts=2,
        kind="stall",
        fleet=QUICK_STALL,
    ),
    Fault(
        "burns",
        "The engine is silent for longer than expected, and computes.",
        "The answer, late.",
        "The same process: who spends CPU time is not stuck.",
        replies=(RED,),
        fleet=QUICK_STALL,
    ),
    Fault(
        "trickles",
        "The engine says a letter every half second.",
        "The answer, letter by letter.",
        "The same process.",
        replies=(RED,),
        fleet=QUICK_STALL,
    ),
    Fault(
        "previous-image",
        "Every answer is about the image of the request before. No status shows it.",
        "Wrong answers until the canary is asked (`canary_requests`, `canary_idle_s`, errors); none after.",
        "Quarantined and replaced; the ids of the answers since the last good canary are told as suspect.",
        test=f"{HERE}::test_the_canary_finds_an_engine_that_mixes_up_images",
    ),
    Fault(
        "first-image",
        "Every answer is about the first image that the process saw.",
        "As above.",
        "As above.",
        test=f"{HERE}::test_the_canary_finds_an_engine_that_mixes_up_images",
    ),
    Fault(
        "corrupt-after-abort",
        "After a client has left in the middle, every answer is another image's.",
        "As above.",
        "As above.",
        test=f"{HERE}::test_the_canary_finds_what_a_client_that_left_has_broken",
    ),
    Fault(
        "error-in-a-200",
        "An error comes as status 200.",
        "502 `engine_refused` when it comes twice, and none of the engine's own text.",
        "`ready`. A process whose known canary fails, too, is replaced first: then nobody sees it.",
        replies=(Reply(502, "", "engine_refused"),),
    ),
    Fault(
        "error-body",
        "The engine answers 500.",
        "As above.",
        "As above.",
        replies=(Reply(502, "", "engine_refused"),),
    ),
    Fault(
        "second-call-fails",
        "The first request after a start is answered, every other fails (mlx-vlm did this with LLaVA-NeXT).",
        "As above.",
        "As above.",
        replies=(RED, Reply(502, "", "engine_refused")),
    ),
    Fault(
        "empty",
        "The answer has no words.",
        "502 `empty_answer` when it comes twice: nobody asked for silence.",
        "As above.",
        replies=(Reply(502, "", "empty_answer"),),
    ),
    Fault(
        "endless",
        "The answer never ends, whatever `max_tokens` says.",
        'The first `max_tokens` pieces, and `finish_reason` "length".',
        "`ready`; the engine's connection is closed.",
        test=f"{HERE}::test_an_endless_answer_is_cut",
    ),
    Fault(
        "garbage",
        "The answer is a page of HTML.",
        "502 `engine_refused` when it comes twice.",
        "As above.",
        replies=(Reply(502, "", "engine_refused"),),
    ),
    Fault(
        "no-newline",
        "8 MB come without the end of a line.",
        "502 `engine_refused` when it comes twice; no more than 8 MB are held.",
        "As above.",
        replies=(Reply(502, "", "engine_refused"),),
    ),
    Fault(
        "wrong-order",
        "The end of the answer comes before its words.",
        "502 `empty_answer` when it comes twice: words after the end are nobody's.",
        "As above.",
        replies=(Reply(502, "", "empty_answer"),),
    ),
    Fault(
        "leaks",
        "The engine grows with every request.",
        "Every answer.",
        "The memory plan counts what it measured, so that others are not loaded into room that is gone.",
        test=f"{HERE}::test_a_leak_is_counted",
    ),
    Fault(
        "killed-for-memory",
        "The kernel kills the engine at an allocation.",
        "The answer of a fresh process.",
        "`ready`; the death is explained, with whether memory had run out.",
        when="first",
        replies=(RED, RED),
        starts=2,
        kind="death",
    ),
    Fault(
        "forks-three",
        "The engine has three children in its group.",
        "Every answer.",
        "After an unload none of the four is left.",
        test=f"{HERE}::test_an_unload_leaves_nothing",
    ),
    Fault(
        "escapes-its-session",
        "A child of the engine makes a session of its own and ignores SIGTERM.",
        "Every answer.",
        "After an unload neither is left (on macOS the one that left its group is, until its pipe ends).",
        test=f"{HERE}::test_an_unload_leaves_nothing",
    ),
    Fault(
        "ignores-sigterm",
        "The engine ignores SIGTERM.",
        "Every answer.",
        "Killed after the grace of 2 s.",
        test=f"{HERE}::test_an_unload_leaves_nothing",
    ),
    Fault(
        "floods-stdout",
        "The engine prints 24 MB a request.",
        "Every answer, without delay.",
        "64 KiB of it are in memory, at most 20 MB on the disk.",
        test=f"{HERE}::test_a_flood_of_output_is_bounded",
    ),
    Fault(
        "refuses",
        "The engine closes its door after its first answer, and lives.",
        "Every answer: nobody listens, so the process is replaced and the request asked again.",
        "`ready`, on a fresh process.",
        replies=(RED,) * 3,
        starts=3,
        kind="replay",
    ),
    Fault(
        "socket-stolen",
        "A foreign program listens where the engine listened (one that can only do TCP).",
        "Every answer.",
        "The thief is asked nothing and not touched; the engine begins anew with another port and key.",
        test=f"{HERE}::test_a_stolen_socket_is_not_trusted",
    ),
)
