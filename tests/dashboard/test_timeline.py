"""Events as rows: in plain words, with their time, and routine folded together."""

from viewfinder.dashboard.timeline import ago, timeline
from viewfinder.fleet.record.events import Event

NOW_S = 1_790_000_000.25


def canary(model: str, ago_s: float, *, good: bool = True) -> Event:
    return Event(
        "canary", model, NOW_S - ago_s, {"good": good, "scenes": ["a"], "fault": "" if good else "wrong"}
    )


def test_a_row_says_when_and_what_and_where_more_is() -> None:
    details = {"explanation": "It broke.", "up_s": 3.0, "post_mortem": "/logs/deaths/glimpse-1.json"}
    (row,) = timeline([Event("death", "glimpse", NOW_S - 180, details)], NOW_S)
    assert (row.ago, row.tone, row.post_mortem) == ("3 min ago", "bad", "glimpse-1.json")
    assert row.text == "It broke. It had been ready for 3.0 s."
    assert row.key.replace("-", "").isalnum(), "it stands in a selector"


def test_good_checks_in_a_row_are_one_row() -> None:
    events = [
        canary("a", 1),
        canary("a", 61),
        canary("a", 121),
        canary("b", 130),
        canary("a", 140, good=False),
    ]
    rows = timeline(events, NOW_S)
    assert [row.model for row in rows] == ["a", "b", "a"]
    assert "So it was 3 times since " in rows[0].text
    assert rows[1].text == "Verified: 1 known image answered correctly."
    assert rows[0].key == timeline(events[:1], NOW_S)[0].key, "it stays the same row"


def test_an_old_event_has_its_date() -> None:
    (row,) = timeline([canary("a", 90_000)], NOW_S)
    assert len(row.at) == len("2026-09-21 12:00:00")


def test_evidence_is_listed_and_bounded() -> None:
    evidence = [{"question": "Which color?", "expected": "red", "said": "<b>"}, "not a mapping"]
    quarantine = Event("quarantine", "a", NOW_S, {"fault": "wrong", "evidence": evidence})
    refused = Event("refused", "", NOW_S, {"code": "queue_full", "count": 99, "peers": ["10.0.0.1"] * 50})
    first, second = timeline([quarantine, refused], NOW_S)
    assert first.evidence == ("Which color? Expected: red. It said: <b>",)
    assert len(second.evidence) == 20


def test_how_long_ago_is_said_roughly() -> None:
    assert [ago(None), ago(0.4), ago(4.6), ago(3600.0)] == ["", "just now", "5 s ago", "60 min ago"]
