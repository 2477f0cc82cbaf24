"""The faults that are planted, and the reports expected of each; called by `planted`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

CLEAN = "none"


@dataclass(frozen=True, slots=True)
class Truth:
    """A fault of the faulty engine. `due` says in words what `bench` must report. Each pattern in `needs`
    must match a report. Reports that match one in `follows` are consequences of the fault, and allowed; any
    other is a false alarm. `screen` must match on the first screen of the guide that has the reference as the
    run before. `short`: it is part of the short form, too."""

    fault: str
    what: str
    due: str
    needs: tuple[str, ...]
    screen: str
    follows: tuple[str, ...] = ()
    short: bool = False

    def is_named(self, reports: Sequence[str], first_screen: str) -> bool:
        """Whether the fault, and nothing else, was found, and stands on the guide's first screen."""
        return bool(re.search(self.screen, first_screen)) and self.is_reported(reports)

    def is_reported(self, reports: Sequence[str]) -> bool:
        """Whether the fault, and nothing else, was found."""
        known = (*self.needs, *self.follows)
        return all(any(re.search(need, words) for words in reports) for need in self.needs) and all(
            any(re.search(pattern, words) for pattern in known) for words in reports
        )


SLOWER = r"^changed: (average inference|load time) [1-9]"
FEWER_RIGHT = r"^changed: (right (image|text|follow-up) answers|facts kept in dialogues) -"
DRIFT = r"^(issue|trouble): STATE\.canary_drift"
SILENT = r"^unanswered: "
TRUTHS = (
    Truth(
        "late-first-token",
        "TTFT +200 ms",
        "the first token comes 190 to 210 ms later; decode speed is as it was",
        (
            r"^changed: time to first token, image .*\(\+(19\d|20\d|210) ms\)",
            r"^changed: time to first token, text [2-9]",
        ),
        screen=r"time to first token, image [2-9]",
        follows=(SLOWER,),
        short=True,
    ),
    Truth(
        "half-decode-speed",
        "decode speed halved",
        "decode speed is half; the first token comes as it did",
        (r"^changed: decode speed 0\.(4[5-9]|5[0-5])",),
        screen=r"decode speed 0\.(4[5-9]|5[0-5]) times",
        follows=(SLOWER,),
        short=True,
    ),
    Truth(
        "grows-a-fifth-mb",
        "memory +0.2 MB a request",
        "a leak of 0.15 to 0.25 MB a request",
        (r"^growth: leak, 0\.(1[5-9]|2[0-5]) MB",),
        screen=r"MEM\.leak: memory grows by 0\.(1[5-9]|2[0-5]) MB",
        follows=(r"^changed: memory difference [1-9]", r"MEM\.leak"),
    ),
    Truth(
        "grows-one-mb",
        "memory +1 MB a request",
        "a leak of 0.9 to 1.1 MB a request",
        (r"^growth: leak, (0\.9\d|1\.0\d|1\.10) MB",),
        screen=r"MEM\.leak: memory grows by (0\.9\d|1\.0\d|1\.10) MB",
        follows=(r"^changed: memory difference [1-9]", r"MEM\.leak"),
    ),
    Truth(
        "previous-image-at-times",
        "the previous image is answered in 2 % of requests",
        "`STATE.prev_image`: one to avoid",
        (r"^issue: STATE\.prev_image", r"^status: avoid"),
        screen=r"STATE\.prev_image",
        follows=(DRIFT, FEWER_RIGHT),
    ),
    Truth(
        "frozen-on-first-image",
        "every answer is about the first image",
        "`STATE.frozen_image`: one to avoid",
        (r"^issue: STATE\.frozen_image", r"^status: avoid"),
        screen=r"STATE\.frozen_image",
        follows=(
            DRIFT,
            FEWER_RIGHT,
            r"^context: ",
            r"^changed: average inference 0",
        ),  # the answer to the first was short
    ),
    Truth(
        "forgets-at-turn-four",
        "context is lost from turn 4",
        "the first fact is lost in turn 4 or at the next question (5)",
        (r"^context: the first fact is lost in turn [45]\.", r"^changed: facts kept in dialogues -"),
        screen=r"the first fact is lost in turn [45]\.",
    ),
    Truth(
        "mistaken-in-a-fifth",
        "accuracy 80 % where the clean one has 95 %",
        "10 to 20 points fewer right answers",
        (r"^changed: right image answers -(1\d|20) points",),
        screen=r"right image answers -(1\d|20)\.\d points",
        follows=(FEWER_RIGHT, r"^changed: average inference 0\.[89]"),  # "I cannot tell." is a short answer
    ),
    Truth(
        "text-fails",
        "requests without an image fail",
        "vision-only; the text requests failed",
        (r"^status: vision-only", r"^issue: \d+ of \d+ text requests failed"),
        screen=r"\d+ of \d+ text requests failed",
        follows=(r"^unanswered: \d+ of \d+ text", r"REQ\.refused", r"^changed: right text answers -"),
        short=True,
    ),
    Truth(
        "every-second-image-fails",
        "every second image request fails",
        "half of the image requests failed, with the server's words",
        (r"^issue: \d+ of \d+ image requests failed; the first: engine_refused.*broadcast",),
        screen=r"\d+ of \d+ image requests failed",
        follows=(
            r"^status: (text-only|provisional)",
            r"^unanswered: \d+ of \d+ (image|follow-up)",
            r"REQ\.refused|STATE\.second_call_error",
            FEWER_RIGHT,
        ),
        short=True,
    ),
    Truth(
        "errors-in-a-200",
        "an error inside a 200, every fourth request",
        "failed requests, with the server's words; no answer is made of them",
        (r"^issue: \d+ of \d+ image requests failed; the first: engine_refused.*generation failed",),
        screen=r"\d+ of \d+ image requests failed",
        follows=(
            r"^issue: \d+ of \d+ text",
            r"REQ\.refused",
            SILENT,
            r"^status: (broken|provisional)",
            FEWER_RIGHT,
        ),
    ),
    Truth(
        "empty-at-times",
        "answers are empty in 5 % of requests",
        "requests whose answer was empty",
        (r"^issue: \d+ of \d+ (image|text) requests failed; the first: the answer was empty",),
        screen=r"the answer was empty",
        follows=(r"^issue: .*the answer was empty", r"OUT\.empty", SILENT, FEWER_RIGHT),
    ),
    Truth(
        "repeats-differ",
        "a repeated request gets other words",
        "`STATE.cache_split`: repeats differ from the first answer",
        (r"^trouble: STATE\.cache_split",),
        screen=r"STATE\.cache_split",
        follows=(DRIFT,),
    ),
    Truth(
        "slow-first-image",
        "the first image takes a second longer",
        "the first image is slower by 0.9 to 1.1 s",
        (r"^first image: \+(0\.9\d|1\.0\d|1\.10) s",),
        screen=r"the first image after a start takes .* as long",
        follows=(r"^changed: load time [1-9]",),
    ),
    Truth(
        "slow-after-a-pause",
        "an image after a rest of a second comes 100 ms later",
        "after a pause of 2 s an image takes 90 to 110 ms longer",
        (r"^after a pause of 2 s: \+(9\d|10\d|110) ms",),
        screen=r"after a pause of 2 s an image takes .* as long",
    ),
)
"""Fourteen kinds; memory growth is planted twice, once small and once large."""
