"""The conversations of /v1/responses, kept for a while; made by `api`, called by `responses`.

Each turn is the items of a request and its answer, and the id of the turn before. Images are stored once, by
the hash of their data URL, as they were made safe. Only the owner (the name of a key) of a turn can reach it.
Where they are kept is a store (`kept_store`); every method of it may wait, so the event loop calls none of
them.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from viewfinder.core.config import ResponsesSettings
from viewfinder.core.errors import ViewfinderError
from viewfinder.fleet.record.events import Event
from viewfinder.gateway.kept_in_file import KeptInFile
from viewfinder.gateway.kept_store import KeptStore, KeptTurn, NotKept, Turn
from viewfinder.wire.long_text import LongText

_log = logging.getLogger(__name__)
REASONS_KEPT = 1000
"""Responses that could not be kept, with the reason, for whoever asks for one of them."""
MARKS_KEPT = 10_000
"""Suspect answers that the store could not be told of yet."""
TIDY_EVERY_S = 60.0
MARK_EVERY_S = 1.0
"""The same, as long as the store was not told of answers that became suspect."""


class KeptTurns:
    """The turns of one gateway, in `store`, or in a file of `folder`. What waits for it runs in `thread`."""

    def __init__(
        self,
        folder: Path,
        settings: ResponsesSettings,
        clock: Callable[[], float] = time.time,
        store: KeptStore | None = None,
    ) -> None:
        self.store: KeptStore = store or KeptInFile(folder, settings, clock)
        self._settings = settings
        self.thread = ThreadPoolExecutor(1, "kept")
        self._lock = threading.Lock()
        self._not_kept: dict[str, str] = {}
        self._unmarked: dict[str, str] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hurry = asyncio.Event()

    def limit(self, settings: ResponsesSettings) -> None:
        """Use other limits from the next write or `tidy` on."""
        self._settings = settings
        self.store.limit(settings)

    @classmethod
    def nothing(cls) -> "KeptTurns":
        """One that keeps nothing, and uses no disk."""
        return cls(Path(os.devnull), ResponsesSettings(keep_s=0.0))

    @property
    def is_on(self) -> bool:
        return bool(self._settings.keep_s and self._settings.keep_bytes)

    @property
    def keep_s(self) -> float:
        return self._settings.keep_s

    def why_not(self, id: str) -> str:
        """Why this response was not kept, as a sentence; empty when nothing is known of it."""
        return self._not_kept.get(id, "")

    def forgo(self, id: str, why: str) -> None:
        """Remember why a response is not kept."""
        with self._lock:
            self._not_kept[id] = why
            while len(self._not_kept) > REASONS_KEPT:
                del self._not_kept[next(iter(self._not_kept))]

    def put(self, turn: Turn) -> None:
        """Keep a turn. Raises NotKept, and remembers why."""
        try:
            self.store.put(turn)
        except NotKept as error:
            self.forgo(turn.id, str(error))
            raise

    def chain(self, owner: str, id: str, most: int, most_bytes: int) -> list[KeptTurn]:
        """The turns of a conversation up to this one, oldest first; empty when a part of it is not kept.

        Raises ChainTooLong for more than `most` turns or `most_bytes` of items.
        """
        return self.store.chain(owner, id, most, most_bytes)

    def get(self, owner: str, id: str) -> KeptTurn | None:
        return self.store.get(owner, id)

    def image(self, sha256: str) -> LongText | None:
        """The data URL of an image of a turn that was just read; None when it was deleted since."""
        return self.store.image(sha256)

    def delete(self, owner: str, id: str) -> bool:
        """Delete a turn; false when there is none."""
        return self.store.delete(owner, id)

    def suspect(self, ids: Sequence[str], reason: str) -> None:
        """Mark answers that can no longer be trusted; where that fails, `tidying` tries it again."""
        with self._lock:
            self._unmarked |= dict.fromkeys(ids, reason)
            while len(self._unmarked) > MARKS_KEPT:
                del self._unmarked[next(iter(self._unmarked))]
        self._mark()

    def hear(self, event: Event) -> None:
        """Mark the answers that the fleet no longer trusts, also for the time after a restart."""
        if event.kind == "suspect":
            reason = str(event.details.get("fault", "")) or "wrong"
            self.thread.submit(self._marked, tuple(event.details.get("answers", ())), reason)

    def _marked(self, ids: Sequence[str], reason: str) -> None:
        try:
            self.suspect(ids, reason)
        except ViewfinderError as error:
            _log.error("%s", error)
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._hurry.set)

    def _mark(self) -> None:
        with self._lock:
            waiting = dict(self._unmarked)
        for reason in {*waiting.values()}:
            ids = [id for id, why in waiting.items() if why == reason]
            self.store.suspect(ids, reason)
            with self._lock:
                for id in ids:
                    self._unmarked.pop(id, None)

    async def tidying(self) -> None:
        """`tidy` again and again, until it is cancelled."""
        self._loop, self._hurry = asyncio.get_running_loop(), asyncio.Event()
        while True:
            self._hurry.clear()
            try:
                await self._loop.run_in_executor(self.thread, self.tidy)
            except ViewfinderError as error:
                _log.error("%s", error)
            if self._unmarked:
                await asyncio.sleep(MARK_EVERY_S)
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._hurry.wait(), TIDY_EVERY_S)

    def tidy(self) -> None:
        """Delete what is too old, or too much. Called by `tidying`."""
        self._mark()
        self.store.tidy()

    def close(self) -> None:
        self.thread.shutdown()
        self.store.close()
