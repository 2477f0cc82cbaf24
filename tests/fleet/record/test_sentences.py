"""Every kind of event in plain words, whatever its details are."""

from typing import Any, get_args

import pytest

from viewfinder.fleet.record.events import Kind
from viewfinder.fleet.record.sentences import sentence, span, tone

SAID: list[tuple[str, dict[str, Any], str]] = [
    ("load", {"variant": "f16", "engine": "llama.cpp"}, "Loading f16 on llama.cpp."),
    ("ready", {"spawned_s": 0.1, "ready_s": 0.61}, "Ready after 610 ms."),
    (
        "death",
        {"explanation": "It was killed from outside (signal 9, SIGKILL).", "up_s": 900.0},
        "It was killed from outside (signal 9, SIGKILL). It had been ready for 15 min.",
    ),
    ("death", {"explanation": "It exited.", "up_s": None}, "It exited. It had not become ready."),
    ("restart", {"after_s": 0, "deaths": 1}, "It is started again at once, after 1 death."),
    ("restart", {"after_s": 2.5, "deaths": 3}, "It is started again in 2.5 s, after 3 deaths."),
    ("failed", {"reason": "It broke."}, "Not started again, until a person loads it. It broke."),
    ("unload", {"why": "evicted"}, "Unloaded, to make room for another model."),
    (
        "quarantine",
        {"fault": "wrong", "evidence": [{"expected": "red", "said": "blue"}]},
        "Quarantined and restarted: it got a known image wrong. It was to say 'red' and said 'blue'.",
    ),
    ("canary", {"good": True, "scenes": ["a", "b"]}, "Verified: 2 known images answered correctly."),
    (
        "canary",
        {"good": False, "fault": "empty"},
        "A check failed: its answer about a known image was empty.",
    ),
    ("suspect", {"answers": ["a"]}, "1 answer since the last good check can no longer be trusted."),
    ("replay", {"reason": "engine_died"}, "A request was retried (engine_died); its client saw no error."),
    (
        "stall",
        {"phase": "decode", "silent_s": 31.2, "expected_s": 2.0},
        "Killed: it made no progress for 31 s while it wrote an answer (2.0 s expected).",
    ),
    (
        "refused",
        {"code": "queue_full", "count": 12, "peers": [], "within_s": 60.0},
        "12 requests refused within 60 s: the model's queue was full (queue_full).",
    ),
    (
        "reload",
        {"outcome": "refused", "reason": "The file is no TOML."},
        "The settings were not read again. The file is no TOML.",
    ),
    (
        "upgrade",
        {"verdict": "slower", "says": "slower by 12 %", "since": "1 became 2", "back": "pip install x==1"},
        "Compared with before: slower by 12 %, since 1 became 2. To go back: pip install x==1",
    ),
]


@pytest.mark.parametrize(("kind", "details", "said"), SAID)
def test_what_happened_is_a_sentence(kind: str, details: dict[str, Any], said: str) -> None:
    assert sentence(kind, details) == said


def test_every_kind_has_one_even_without_details() -> None:
    """Details may come from a file that another version wrote."""
    odd = dict.fromkeys(("why", "evidence", "answers", "settings", "up_s", "count", "fault"), 7)
    for kind in get_args(Kind):
        for details in ({}, {"up_s": "x", "evidence": [3], "scenes": None}, odd):
            if kind != "reload" or details is not odd:
                assert sentence(kind, details).endswith((".", "error."))
    assert sentence("of another version", {}) == ""


def test_bad_news_is_marked() -> None:
    assert [tone("death", {}), tone("canary", {"good": False}), tone("canary", {"good": True})] == [
        "bad",
        "bad",
        "",
    ]
    assert [tone("upgrade", {"verdict": "slower"}), tone("upgrade", {"verdict": "as before"})] == ["warn", ""]


@pytest.mark.parametrize(
    ("duration_s", "said"),
    [(0, "0 ms"), (0.0123, "12 ms"), (9.96, "10.0 s"), (119, "119 s"), (120, "2 min"), (7200.0, "2 h")],
)
def test_a_duration_is_said_in_one_unit(duration_s: float, said: str) -> None:
    assert span(duration_s) == said
    assert span(None) == span(True) == span("3") == ""
