"""Files of what `bench` measured of one variant, and whether they hold here; the base of `image_budgets` and
`measured_costs`.

They hold for the machine and the engine's version that were measured: on another, the times are others.
"""

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from viewfinder.host.hardware import Machine, this_machine

_log = logging.getLogger(__name__)
NATIVE = "native "
"""How the version of a native llama-server begins; alone it stands for any of them, which only a start
tells."""
LARGEST_FILE_BYTES = 256 * 1024


class StoredPart(BaseModel):
    """A part of such a file."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False)


class MeasuredSpan(StoredPart):
    """What was measured, with the range in which nine of ten single requests were, where that is known: what
    may be expected of the next."""

    value: float
    low: float
    high: float
    n: int = Field(ge=1)


class StoredHere(StoredPart):
    """Of which variant the file is, and under which conditions it was measured."""

    model: str
    variant: str
    engine: str
    engine_version: str
    machine: str
    measured_at: str


StoredT = TypeVar("StoredT", bound=StoredHere)


class FilesHere(Generic[StoredT]):
    """The files of one kind in a state folder; each is read again only when it has changed. `what` is their
    content, in words."""

    def __init__(
        self,
        state: Path,
        kind: type[StoredT],
        path_of: Callable[[str, str], str],
        what: str,
        machine: str = "",
    ) -> None:
        self._state, self._kind, self._path_of, self._what = state, kind, path_of, what
        self._machine = machine or machine_digest(this_machine())
        self._read: dict[tuple[str, str], tuple[tuple[int, int], StoredT | str]] = {}

    def of(self, model: str, variant: str, engine_version: str) -> StoredT | str:
        """What holds for this variant on this version of its engine; a str: why nothing does."""
        file = self._state / self._path_of(model, variant)
        try:
            seen = file.stat()
        except OSError:
            self._read.pop((model, variant), None)
            return f"{self._what} were not measured on this machine"
        state = seen.st_mtime_ns, seen.st_size
        known = self._read.get((model, variant))
        if known is None or known[0] != state:
            known = self._read[(model, variant)] = state, self._stored_in(file)
        found = known[1]
        if isinstance(found, str):
            return found
        if found.machine != self._machine:
            return f"{self._what} were measured on another machine"
        is_native = engine_version == NATIVE and found.engine_version.startswith(NATIVE)
        if found.engine_version != engine_version and not is_native:
            return (
                f"{self._what} were measured with {found.engine} {found.engine_version}, and this is "
                f"{engine_version or 'unknown'}"
            )
        return found

    def _stored_in(self, file: Path) -> StoredT | str:
        try:
            with file.open("rb") as opened:
                return self._kind.model_validate_json(opened.read(LARGEST_FILE_BYTES))
        except (OSError, ValueError, ValidationError) as error:
            _log.warning("%s cannot be read: %s", file, error)
            return f"{self._what} cannot be read"


def machine_digest(machine: Machine) -> str:
    """12 hexadecimal digits of what decides how fast an engine is here."""
    facts = machine.model_dump(
        mode="json", include={"cpu", "cores_physical", "cores_logical", "gpu", "features"}
    )
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]
