"""The published fault table: the fault, what a client sees, the outcome, and the test that shows it.

`test_faults` runs the rows about engines as they stand here; `page` writes docs/reliability.md from all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.gateway import Reply
from viewfinder.fleet.process.states import State

RED = Reply(200, "red", complete=True)
HERE = "tests/faults/test_faults.py"
A_ROW = f"{HERE}::test_the_outcome_is_that_of_the_table"


@dataclass(frozen=True)
class Fault:
    """One row. The first five fields are for the page; with the others `test_faults` makes the fault happen.

    `replies` are those of one client that asks about a red picture again and again.
    """

    name: str
    what: str
    client: str
    end: str
    test: str = A_ROW
    """Path and function; rows that are tested by A_ROW differ in their name."""
    when: str = "always"
    replies: tuple[Reply, ...] = ()
    state: State = "ready"
    starts: int = 1
    kind: str = ""
    """An event that must have been reported."""
    fleet: Mapping[str, Any] = field(default_factory=dict)
    engine: Mapping[str, Any] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """The command that reproduces it."""
        row = f"[{self.name}]" if self.test == A_ROW else ""
        return f".venv/bin/python -m pytest '{self.test}{row}'"


QUICK_STALL: dict[str, Any] = {"stall_floor_s": 0.3}

ENGINES = (
    Fault(
        "never-ready",
        "The engine starts and never becomes ready.",
        "504 `engine_stalled` after `start_timeout_s` of silence.",
        "Killed, and restarted by the restart rule; `failed` after `deaths` of them.",
        replies=(Reply(504, "", "engine_stalled"),),
        state="failed",
        starts=2,
        fleet={"deaths": 2},
        engine={"start_timeout_s": 0.5},
    ),
    Fault(
        "dies-while-loading",
        "The engine exits while it loads, every time.",
        "502 `engine_died` with its last output; 503 `model_failed` at once after it was given up.",
        "`failed` after `deaths` within `deaths_within_s`: only `viewfinder load` starts it again.",
        replies=(Reply(502, "", "engine_died"), Reply(503, "", "model_failed")),
        state="failed",
        starts=2,
        kind="failed",
        fleet={"deaths": 2},
    ),
    Fault(
        "killed-while-loading",
        "The engine is killed once while it loads.",
        "The answer, later by one load.",
        "`ready`, in a fresh process.",
        when="first",
        replies=(RED, RED),
        starts=2,
        kind="restart",
    ),
    Fault(
        "dies-after-two",
        "Each process dies at its third request.",
        "Every answer: a request without a word yet is retried in a fresh process, streamed or not.",
        "`ready`; each death is reported, with a post-mortem file.",
        replies=(RED,) * 4,
        starts=2,
        kind="replay",
    ),
    Fault(
        "dies",
        "Each process dies at its first request.",
        "502 `engine_died` after one retry; 503 `model_failed` after it was given up.",
        "`failed`: a request is retried only once, so a request that kills its engine cannot do so for ever.",
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
        "`ready`, in a fresh process, without waiting for the next request.",
        when="first",
        replies=(Reply(200, "some", "engine_died"), RED),
        starts=2,
        kind="death",
    ),
    Fault(
        "breaks-off",
        "The engine closes the connection in the middle of each answer, and keeps running.",
        "The words so far, then an error event `engine_died`, and no [DONE].",
        "`ready`: the health check or the canary passes, so the process is kept.",
        replies=(Reply(200, "some", "engine_died"),) * 2,
    ),
    Fault(
        "hangs",
        "The whole engine hangs: no answer, no CPU time, and its `/health` hangs too.",
        "The answer, once the silence exceeded its limit and the engine was replaced.",
        "`ready`, in a fresh process; the stall is reported with the expected time.",
        when="armed",
        replies=(RED, RED),
        starts=2,
        kind="stall",
        fleet=QUICK_STALL,
    ),
    Fault(
        "hangs-mid-stream",
        "The whole engine hangs in the middle of an answer.",
        "The words so far, then an error event `engine_stalled`, and no [DONE].",
        "`ready`, in a fresh process.",
        when="armed",
        replies=(Reply(200, "some", "engine_stalled"), RED),
        starts=2,
        kind="stall",
        fleet=QUICK_STALL,
    ),
    Fault(
        "wedged",
        "`/health` returns 200 for ever, and no request is answered.",
        "The answer, as above: `/health` is no proof of life.",
        "`ready`, in a fresh process.",
        when="armed",
        replies=(RED, RED),
        starts=2,
        kind="stall",
        fleet=QUICK_STALL,
    ),
    Fault(
        "burns",
        "The engine is silent for longer than expected, but computes.",
        "The answer, late.",
        "The same process: an engine that uses CPU time has not stalled, for ten times as long.",
        replies=(RED,),
        fleet=QUICK_STALL,
    ),
    Fault(
        "trickles",
        "The engine sends a letter every half second.",
        "The answer, letter by letter.",
        "The same process.",
        replies=(RED,),
        fleet=QUICK_STALL,
    ),
    Fault(
        "previous-image",
        "Every answer is about the image of the previous request. No status shows it.",
        "Wrong answers until the next canary (`canary_requests`, `canary_idle_s`, errors); none after it.",
        "Quarantined and replaced; the answers since the last canary that passed are reported as suspect.",
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
        "After a client has disconnected in the middle, every answer is about another image.",
        "As above.",
        "As above.",
        test=f"{HERE}::test_the_canary_finds_what_a_disconnected_client_has_broken",
    ),
    Fault(
        "error-in-a-200",
        "An error comes as status 200.",
        "502 `engine_refused` when it happens twice, without the engine's own text.",
        "`ready`. If the canary fails as well, the process is replaced first, and the client sees nothing.",
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
        "The first request after a start is answered, all others fail (mlx-vlm did this with LLaVA-NeXT).",
        "As above.",
        "As above.",
        replies=(RED, Reply(502, "", "engine_refused")),
    ),
    Fault(
        "empty",
        "The answer has no words.",
        "502 `empty_answer` when it happens twice.",
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
        "502 `engine_refused` when it happens twice.",
        "As above.",
        replies=(Reply(502, "", "engine_refused"),),
    ),
    Fault(
        "no-newline",
        "The engine sends 8 MB without the end of a line.",
        "502 `engine_refused` when it happens twice; at most 8 MB are held in memory.",
        "As above.",
        replies=(Reply(502, "", "engine_refused"),),
    ),
    Fault(
        "wrong-order",
        "The end of the answer comes before its words.",
        "502 `empty_answer` when it happens twice: words after the end are dropped.",
        "As above.",
        replies=(Reply(502, "", "empty_answer"),),
    ),
    Fault(
        "leaks",
        "The engine grows with every request.",
        "Every answer.",
        "The memory plan uses the measured memory, so that no other model is loaded into it.",
        test=f"{HERE}::test_a_leak_is_counted",
    ),
    Fault(
        "killed-for-memory",
        "The kernel kills the engine for lack of memory.",
        "The answer of a fresh process.",
        "`ready`; the report of the death says whether memory had run out.",
        when="first",
        replies=(RED, RED),
        starts=2,
        kind="death",
    ),
    Fault(
        "killed-for-memory-while-idle",
        "The kernel kills an engine for lack of memory that nobody uses at this moment.",
        "The answer, later by one load.",
        "`stopped`, with the death reported; loaded again at the next request, not before.",
        test=f"{HERE}::test_an_idle_model_that_was_killed_for_memory_stays_down",
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
        "A child of the engine starts its own session and ignores SIGTERM.",
        "Every answer.",
        "After an unload neither is left (on macOS the child is, until its pipe closes).",
        test=f"{HERE}::test_an_unload_leaves_nothing",
    ),
    Fault(
        "ignores-sigterm",
        "The engine ignores SIGTERM.",
        "Every answer.",
        "Killed after 2 s.",
        test=f"{HERE}::test_an_unload_leaves_nothing",
    ),
    Fault(
        "floods-stdout",
        "The engine prints 24 MB at each request.",
        "Every answer, without delay.",
        "64 KiB of it are kept in memory, and at most 20 MB on disk.",
        test=f"{HERE}::test_a_flood_of_output_is_bounded",
    ),
    Fault(
        "refuses",
        "The engine stops listening after its first answer, and keeps running.",
        "Every answer: the process is replaced and the request is retried.",
        "`ready`, in a fresh process.",
        replies=(RED,) * 3,
        starts=3,
        kind="replay",
    ),
    Fault(
        "socket-stolen",
        "A foreign program listens where the engine listened (one that can only do TCP).",
        "Every answer.",
        "Nothing is sent to the foreign program; the engine restarts with another port and key.",
        test=f"{HERE}::test_a_stolen_socket_is_not_trusted",
    ),
)
