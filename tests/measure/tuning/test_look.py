"""The first look at a model that nobody has a card for: whether smaller pictures cost less, seen by as few
questions as can say it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.measure.deadline import Deadline
from viewfinder.measure.tuning.ask import THUMBNAIL_PX, FirstLook, PairAsker
from viewfinder.measure.tuning.candidate import TimedReply

CARD = Catalog().get("glimpse")


@pytest.mark.parametrize(
    ("thumbnail", "whole", "expected", "questions"),
    [
        (1_100, 1_100, FirstLook(1_100, is_size_lost=True), 1),  # 64 px cannot have so many patches
        (90, 90, FirstLook(90, is_size_lost=True), 2),
        (30, 900, FirstLook(900, is_size_lost=False), 2),
    ],
)
def test_a_slow_whole_picture_is_asked_about_only_where_it_can_say_more(
    monkeypatch: pytest.MonkeyPatch, thumbnail: int, whole: int, expected: FirstLook, questions: int
) -> None:
    asked: list[int | None] = []

    @asynccontextmanager
    async def server(*_: Any) -> AsyncIterator[None]:
        yield None

    async def ask(self: PairAsker, *_: Any) -> TimedReply:
        asked.append(self.longest_px)
        tokens = thumbnail if self.longest_px == THUMBNAIL_PX else whole
        return TimedReply(scene="s", question="q", has_image=True, e2e_s=1.0, prompt_tokens=tokens)

    monkeypatch.setattr(PairAsker, "_server", server)
    monkeypatch.setattr(PairAsker, "_ask", ask)
    variant = CARD.variants[0].model_copy(update={"image_lever": "pixels"})
    folders: Any = None
    asker = PairAsker(CARD, variant, Catalog(), EngineSettings(), folders, Deadline(0))
    assert asyncio.run(asker.look()) == expected
    assert asked == [THUMBNAIL_PX, None][:questions]
