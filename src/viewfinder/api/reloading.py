"""New settings for a running `serve`: at SIGHUP, and when the settings file changes; started by `serving`.

Wrong settings are reported in the log and change nothing. New ones hold for new requests at once, and
`fleet.reload` restarts only the models that they concern.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from pydantic import BaseModel
from watchfiles import awatch

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.errors import BadRequest, ViewfinderError
from viewfinder.core.settings_files import settings_files
from viewfinder.fleet.changed_settings import changed_models
from viewfinder.gateway.keys import KeyFile
from viewfinder.gateway.listen import require_key_beyond_loopback

SETTINGS_CHECK_MS = 2000
"""How often the file is checked where the system reports no changes (network mounts, links to elsewhere)."""
FIXED = ("host", "port", "strict_port", "store_url")
"""Settings that take effect at the next start only."""

_log = logging.getLogger(__name__)


class Reloading:
    """The settings of one `serve`: `current` are those in force, with the address that is bound.

    `reread` reads the settings as they are written now, `open_catalog` makes the catalog for some settings;
    `apply` puts both in force, and gets the names of the models that must restart for it. `keys` are
    the named API keys. `report` gets the details of each reload (`fleet/record/events`).
    """

    def __init__(
        self,
        catalog: Catalog,
        current: Settings,
        *,
        reread: Callable[[], Settings],
        open_catalog: Callable[[Settings], Catalog],
        apply: Callable[[Catalog, Settings, set[str]], Awaitable[None]],
        keys: KeyFile | None = None,
        report: Callable[..., None] = lambda **details: None,
    ) -> None:
        self._keys, self._report = keys, report
        self._catalog, self.current = catalog, current
        self._reread, self._open_catalog, self._apply = reread, open_catalog, apply
        self._written = reread()
        self._files = settings_files()
        self._seen = self._states()
        self._wanted = asyncio.Event()

    def request(self) -> None:
        """Read the settings again soon."""
        self._wanted.set()

    async def run(self, check_ms: int = SETTINGS_CHECK_MS) -> None:
        """Reload at each `request`, and when the file changes; until cancelled."""
        watching = asyncio.create_task(self._watch(check_ms))
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                before, self._seen = self._seen, self._states()
                gone = (file for file, was in before.items() if was and not self._seen[file])
                await self.reload(gone=next(gone, None))
        finally:
            watching.cancel()

    def _states(self) -> dict[Path, tuple[int, int, int] | None]:
        return {file: _state(file) for file in self._files}

    async def _watch(self, check_ms: int) -> None:
        parents = [file.absolute().parents for file in self._files]
        folders = {next(parent for parent in above if parent.is_dir()) for above in parents}
        try:
            async for _ in awatch(
                *folders, watch_filter=None, recursive=False, rust_timeout=check_ms, yield_on_timeout=True
            ):
                if self._states() != self._seen:
                    self.request()
        except OSError as error:  # the system has no watches left, for example
            _log.warning("%s is not watched (%s): after a change, send SIGHUP.", self._files[0], error)

    async def reload(self, *, gone: Path | None = None) -> bool:
        """Whether the settings as they are written now are in force; `gone`: a file that was there before."""
        try:
            if gone:
                raise BadRequest(f"{gone} is gone.", hint="An empty file means the defaults.")
            written = self._reread()
            new = written.model_copy(update={name: getattr(self.current, name) for name in FIXED})
            require_key_beyond_loopback(new.host, new.api_key, self._keys)
            catalog = self._open_catalog(new)
        except ViewfinderError as error:
            _log.error("The settings were not reloaded: %s", error)
            self._report(outcome="refused", reason=str(error))
            return False
        late = [name for name in FIXED if getattr(written, name) != getattr(self._written, name)]
        if late:
            _log.warning("A change of %s takes effect at the next start.", ", ".join(late))
        self._written = written
        if new == self.current:
            _log.warning("Settings reloaded: no change.")
            self._report(outcome="unchanged", settings=late)
            return True
        changed = changed_models((self._catalog, self.current), (catalog, new))
        named = [*changed_settings(self.current, new), *late]
        self._catalog, self.current = catalog, new
        outcome, reason = "applied", ""
        try:
            await self._apply(catalog, new, changed)
        except ViewfinderError as error:
            outcome, reason = "partly", str(error)
            _log.error("Some of the new settings could not be applied: %s", error)
        except Exception as error:  # a bug of ours must not stop the watch, nor be hidden
            outcome, reason = "partly", type(error).__name__
            _log.exception("Some of the new settings could not be applied")
        _log.warning("Settings reloaded.")
        self._report(outcome=outcome, settings=named, models=sorted(changed), reason=reason)
        return True

    async def look_again(self) -> None:
        """Open the catalog again with the present settings: files of models have come. Raises BadRequest,
        UnknownModel."""
        self._catalog = self._open_catalog(self.current)
        await self._apply(self._catalog, self.current, set())


def changed_settings(old: Settings, new: Settings) -> list[str]:
    """The names of the settings that differ ("limits.images"); never their values, some of which are keys."""
    names = []
    for name in type(old).model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        if isinstance(before, BaseModel):
            inner = type(before).model_fields
            names += [f"{name}.{one}" for one in inner if getattr(before, one) != getattr(after, one)]
        else:
            names.append(name)
    return names


def _state(file: Path) -> tuple[int, int, int] | None:
    """Differs when the file was changed: editors replace it, scripts write into it. None: no file."""
    try:
        seen = file.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size, seen.st_ino
