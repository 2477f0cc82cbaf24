"""What the GGUF files of a repository on the hub are, from their first bytes; called by `pull`.

The header of one quantization says what all quantizations of a model are, so that a repository of thirty
files costs a few requests, each for a quarter of a megabyte.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath

from viewfinder.catalog.gguf_facts import FileFacts, facts_by_name, facts_of
from viewfinder.catalog.gguf_names import base
from viewfinder.catalog.headers import peek_gguf
from viewfinder.catalog.remote import Hub, RemoteFile
from viewfinder.core.errors import ModelFilesError

PEEK_BYTES = 262_144
"""Enough for the whole header of a projector, and for a model's up to its vocabulary."""
PEEKS = 24
"""Of how many models a repository's files are looked into; the others are known by their names."""


class Peek:
    """Looks into the files of one repository at one commit."""

    def __init__(self, hub: Hub, repo: str, commit: str, files: Mapping[str, RemoteFile]) -> None:
        self._hub, self._repo, self._commit, self._files = hub, repo, commit, files
        self._known: dict[tuple[str, str], FileFacts] = {}

    def __call__(self, path: str) -> FileFacts:
        """The facts of a file. Raises HubError."""
        by_name = facts_by_name(path)
        if by_name.kind not in ("model", "projector"):
            return by_name
        key = (base(path), by_name.kind)
        if key not in self._known:
            self._known[key] = self._look(path) if len(self._known) < PEEKS else by_name
        return self._known[key]

    def _look(self, path: str) -> FileFacts:
        listed = self._files.get(path)  # the first part of a model may be missing
        if listed is None or not listed.size_bytes:
            return facts_by_name(path)
        start = self._hub.start_of(self._repo, self._commit, path, PEEK_BYTES)
        try:
            header = peek_gguf(f"{self._repo}/{PurePosixPath(path)}", start)
        except ModelFilesError:  # to be reported only if it is the one that is needed
            return facts_by_name(path)
        return facts_of(header) if header.values else facts_by_name(path)
