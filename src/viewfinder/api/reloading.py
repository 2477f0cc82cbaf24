"""New settings for a running `serve`: at SIGHUP, and when the settings' file changes; started by `serving`.

What is wrong is told in the log and changes nothing. What can change while we run does, for new requests
at once; `fleet.reload` starts anew the models that the change concerns, and no other.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings, config_file
from viewfinder.core.errors import BadRequest, ViewfinderError
from viewfinder.fleet.changes import changed_models
from viewfinder.gateway.listen import require_key_beyond_loopback

POLL_S = 2.0
FIXED = ("host", "port", "strict_port")
"""What takes effect at the next start only."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileState:
    """By which a file is known to be another than before: editors replace it, scripts write into it."""

    changed_ns: int
    size_bytes: int
    inode: int

    @classmethod
    def of(cls, file: Path) -> "FileState | None":
        """None when there is no such file."""
        try:
            seen = file.stat()
        except OSError:
            return None
        return cls(seen.st_mtime_ns, seen.st_size, seen.st_ino)


class Reloading:
    """The settings of one `serve`: `current` are those in force, with the address that is bound.

    `reread` gives the settings as they are written now, `open_catalog` the catalog that goes with some;
    `apply` puts both in force, and is told the models that must begin anew for it.
    """

    def __init__(
        self,
        catalog: Catalog,
        current: Settings,
        *,
        reread: Callable[[], Settings],
        open_catalog: Callable[[Settings], Catalog],
        apply: Callable[[Catalog, Settings, set[str]], Awaitable[None]],
    ) -> None:
        self._catalog, self.current = catalog, current
        self._reread, self._open_catalog, self._apply = reread, open_catalog, apply
        self._written = reread()
        self._seen = FileState.of(config_file())
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Read again now."""
        self._asked.set()

    async def run(self, poll_s: float = POLL_S) -> None:
        """Reload whenever asked to, or when the file is another; until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), poll_s)
            seen = FileState.of(config_file())
            if self._asked.is_set() or seen != self._seen:
                self._asked.clear()
                was_there, self._seen = self._seen is not None, seen
                await self.reload(gone=was_there and seen is None)

    async def reload(self, *, gone: bool = False) -> bool:
        """Whether the settings as they are written now are in force; `gone`: their file was there before."""
        try:
            if gone:
                raise BadRequest(f"{config_file()} is gone.", hint="An empty file would mean the defaults.")
            written = self._reread()
            new = written.model_copy(update={name: getattr(self.current, name) for name in FIXED})
            require_key_beyond_loopback(new.host, new.api_key)
            catalog = self._open_catalog(new)
        except ViewfinderError as error:
            _log.error("The settings stay as they were. %s", error)
            return False
        late = [name for name in FIXED if getattr(written, name) != getattr(self._written, name)]
        if late:
            _log.warning("A change of %s takes effect at the next start.", ", ".join(late))
        self._written = written
        if new == self.current:
            _log.warning("The settings were read again; they are as they were.")
            return True
        changed = changed_models((self._catalog, self.current), (catalog, new))
        self._catalog, self.current = catalog, new
        try:
            await self._apply(catalog, new, changed)
        except ViewfinderError as error:
            _log.error("Not everything took the new settings: %s", error)
        except Exception:  # a bug of ours must not end the watch, nor be hidden
            _log.exception("Not everything took the new settings")
        _log.warning("The settings were read again.")
        return True
