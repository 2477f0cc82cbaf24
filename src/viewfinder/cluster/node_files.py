"""Whether the files of a node are those that the gateway knows; asked by `node` before a model is loaded.

A node whose files are missing or differ answers no request for that model, and other nodes are asked. As soon
as its files change, they are compared again.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import Catalog, ModelFiles
from viewfinder.catalog.hashes import Hashes
from viewfinder.cluster.messages import KnownFiles
from viewfinder.core.errors import ModelFilesError, ViewfinderError
from viewfinder.fleet.fleet import Fleet

FILES_DIFFER = "files_differ"
SHOWN_DIGITS = 12

WrittenFiles = tuple[tuple[str, int, int], ...]


class NodeFiles:
    """The files of one node's fleet. `tell` is called with a model and the reason when it is refused."""

    def __init__(self, fleet: Fleet, hashes: Hashes, tell: Callable[[str, str], None]) -> None:
        self._fleet, self._hashes, self._tell = fleet, hashes, tell
        self._checked: dict[str, KnownFiles] = {}
        self._refused: dict[str, tuple[str, WrittenFiles]] = {}

    def refused(self) -> dict[str, str]:
        """The models that are not served here, with the reasons."""
        for model, (_, state) in [*self._refused.items()]:
            if self._state(model) != state:
                del self._refused[model]
        return {model: reason for model, (reason, _) in self._refused.items()}

    async def require(self, model: str, known: KnownFiles | None) -> None:
        """Raise ModelFilesError when the files of a model that is not up are missing or not the known ones.

        Another variant than the gateway's has files of its own, which are only looked at.
        """
        name = self._fleet.card(model).name
        if self._fleet.server_of(model) is not None and self._checked.get(name) == known:
            return
        try:
            await asyncio.to_thread(self._compare, model, known)
        except ModelFilesError as error:
            if name not in self.refused():
                self._refused[name] = error.message, self._state(model)
                self._tell(name, error.message)
            raise
        self._refused.pop(name, None)
        if known is not None:
            self._checked[name] = known

    def _compare(self, model: str, known: KnownFiles | None) -> None:
        variant = self._fleet.variant_of(model)
        require_known(known, variant, self._fleet.catalog.resolve(variant), self._hashes, model)

    def _state(self, model: str) -> WrittenFiles:
        """What changes when a file is written: paths, sizes, times."""
        found: list[tuple[str, int, int]] = []
        with suppress(ViewfinderError, OSError):
            for file in _files(self._fleet.catalog.resolve(self._fleet.variant_of(model)).all):
                stat = file.stat()
                found.append((str(file), stat.st_size, stat.st_mtime_ns))
        return tuple(found)


def require_known(
    known: KnownFiles | None, variant: Variant, files: ModelFiles, hashes: Hashes, model: str
) -> None:
    """Raise ModelFilesError when the files here are not the known ones of this variant; reads them."""
    if known is None or known.variant != variant.name or variant.server is not None:
        return
    here = hashes.of(variant, files, from_disk=True)
    if here != known.sha256:
        raise ModelFilesError(
            f"The files of '{model}' on {socket.gethostname()} are not those of the gateway: SHA-256 "
            f"{here[:SHOWN_DIGITS]}, not {known.sha256[:SHOWN_DIGITS]}.",
            hint=f"Copy {files.model} there again (viewfinder pull), or put it on a shared path.",
            code=FILES_DIFFER,
        )


def known_files(catalog: Catalog, hashes: Hashes, variant: Variant) -> KnownFiles | None:
    """What every node's files of a model must be: those here. None: they are not here, or are on no disk.

    Reads files whose hash is not known yet: call it in a thread.
    """
    with suppress(ViewfinderError):
        if variant.server is None:
            return KnownFiles(variant.name, hashes.of(variant, catalog.resolve(variant)))
    return None


def _files(paths: list[Path]) -> list[Path]:
    return sorted(file for path in paths for file in ([path] if path.is_file() else path.rglob("*")))
