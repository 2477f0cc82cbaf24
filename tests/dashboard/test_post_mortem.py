"""A post-mortem as a page shows it, and one that somebody changed."""

from datetime import UTC, datetime

from viewfinder.dashboard.post_mortem import memory_curve, post_mortem_of
from viewfinder.fleet.record.post_mortem import PostMortem, as_json
from viewfinder.fleet.record.request_shape import RequestShape
from viewfinder.host.child import Exit


def test_what_was_written_is_shown() -> None:
    death = PostMortem(
        "glimpse", "f16", "llama.cpp", "1.2", ["server", "--api-key", "x"], 42, Exit.of(-9, stopped=False),
        "It was killed.", 61.0, "loading\n<script>", [(0.0, 10), (2.0, 40), (4.0, 20)],
        [RequestShape(1, 262_144, 40, 16, True)],
    )  # fmt: skip
    shown = post_mortem_of(as_json(death, datetime(2026, 11, 30, tzinfo=UTC)))
    assert (shown.model, shown.reason, shown.last_lines[-1]) == ("glimpse", "It was killed.", "<script>")
    assert dict(shown.facts)["Ready for"] == "61 s"
    assert shown.requests == ("1 image (0.3 megapixels), 40 characters of text, at most 16 tokens, streamed",)
    assert shown.command[-1] == "***"
    assert shown.curve is not None
    assert shown.curve.points == "0.0,105.0 320.0,0.0 640.0,70.0"
    assert (shown.curve.last_s, shown.curve.most_bytes, shown.curve.last_bytes) == (4.0, 40.0, 20.0)


def test_what_is_missing_or_odd_is_left_out() -> None:
    odd = {
        "model": 3,
        "exit": [],
        "versions": None,
        "requests": [1, {}],
        "memory": [[1], "xy", None],
        "at": "x",
    }
    shown = post_mortem_of(odd)
    assert (shown.model, shown.at, shown.curve, shown.last_lines) == ("", "x", None, ())
    assert shown.requests == ("no image, 0 characters of text",)
    assert post_mortem_of({}).facts == (("Ready for", "it had not become ready"),)


def test_a_curve_needs_two_points() -> None:
    assert memory_curve([(0, 1)]) is None
    flat = memory_curve([(0, 0), (0, 0)])
    assert flat is not None
    assert flat.points == "0.0,140.0 0.0,140.0"
