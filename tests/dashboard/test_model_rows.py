"""What can be done with a model, and which ones the form asks for."""

from dataclasses import replace

import pytest

from viewfinder.dashboard.model_rows import ModelFilter, model_rows, row_of
from viewfinder.fleet.listing import ModelLine
from viewfinder.fleet.view import ServerView

HERE = ModelLine(
    "glimpse", "Glimpse", "f16", "llama.cpp", True, True, 6_000_000, True, True, True, "", "",
    aliases=("eyes",), year=2026, purpose="toy", license="Apache-2.0", fits_now=True, measured="verified",
)  # fmt: skip
AWAY = replace(
    HERE, name="away", title="Away", here=False, ready=False, note="Not here. Run: viewfinder pull away",
    measured="", aliases=(), license="MIT",
)  # fmt: skip
LARGE = replace(AWAY, name="large", fits=False, fits_now=False)
NO_ENGINE = replace(AWAY, name="mlx", runs=False, note="MLX is not installed.", fits_now=True)
UP = ServerView(
    "glimpse", "f16", "llama.cpp", "1", "ready", True, "", 7, 0, 0, True, 1, 1, 1, 0, 0, 1.0, 1.0
)  # fmt: skip


def test_the_buttons_of_a_model_follow_from_its_state() -> None:
    rest, up = row_of(HERE, {}, ()), row_of(HERE, {"glimpse": UP}, ())
    assert (rest.can_load, rest.can_pull, rest.is_up, rest.is_pinned) == (True, False, False, False)
    assert (up.can_load, up.is_up, up.is_pinned) == (False, True, True)
    away, no_engine = row_of(AWAY, {}, ("away",)), row_of(NO_ENGINE, {}, ())
    assert (away.can_load, away.can_pull, away.is_pulling, away.trouble) == (False, True, True, "")
    assert (no_engine.can_pull, no_engine.trouble) == (False, "MLX is not installed.")


def test_whether_it_fits_is_said_in_words() -> None:
    busy = replace(AWAY, fits_now=False)
    words = [row_of(line, {}, ()).fit for line in (AWAY, busy, LARGE, NO_ENGINE, replace(AWAY, fits=None))]
    assert words == [
        "fits now",
        "fits, but not beside what takes the memory now",
        "too large for this computer",
        "no engine here runs it",
        "its size is not known",
    ]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["glimpse", "away", "large", "mlx"]),
        ({"show": "here"}, ["glimpse"]),
        ({"show": "fits"}, ["glimpse", "away"]),
        ({"show": "measured"}, ["glimpse"]),
        ({"show": "nonsense", "q": "  mit TOY "}, ["away", "large", "mlx"]),
        ({"q": "eyes"}, ["glimpse"]),
        ({"q": "<script>"}, []),
    ],
)
def test_the_form_chooses_models(query: dict[str, str], names: list[str]) -> None:
    asked = ModelFilter.of(query)
    rows = model_rows([HERE, AWAY, LARGE, NO_ENGINE], {}, ())
    assert [row.name for row in rows if asked.has(row)] == names
    assert asked.is_all == (not query)
