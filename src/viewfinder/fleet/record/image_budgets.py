"""The image budgets that `bench` compared, one file a variant; read by the fleet and the gateway.

They hold for the machine and the engine's version that were measured: on another, the times are others.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from viewfinder.host.hardware import Machine, this_machine

_log = logging.getLogger(__name__)
BUDGET_FOLDER = "image_budgets"
NATIVE = "native "
"""How the version of a native llama-server begins; alone it stands for any of them, which only a start
tells."""
LARGEST_BUDGET_FILE_BYTES = 256 * 1024
HOW_TO_MEASURE = "viewfinder bench {model} --suite standard"


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False)


class MeasuredSpan(_Stored):
    """A median with the range in which nine of ten single requests were: what may be expected of the next."""

    value: float
    low: float
    high: float
    n: int = Field(ge=1)


class StoredBudget(_Stored):
    """`256 px`: pictures of at most that edge are sent; `64 tokens`: the engine makes at most that many;
    `all tokens`: its default. None: not measured."""

    name: str
    accuracy_percent: float | None = None
    image_tokens: MeasuredSpan | None = None
    first_s: MeasuredSpan | None = None
    whole_s: MeasuredSpan | None = None

    @property
    def longest_px(self) -> int | None:
        number, _, unit = self.name.partition(" ")
        return int(number) if unit == "px" and number.isdecimal() else None

    @property
    def engine_tokens(self) -> int:
        """The setting `image_tokens` of its engine; 0: the default."""
        number, _, unit = self.name.partition(" ")
        return int(number) if unit == "tokens" and number.isdecimal() else 0


class StoredBudgets(_Stored):
    """`budgets` are the smallest first, the last is the reference. `cheapest` is the name of the smallest
    that is not inferior to it, empty if that is not known; `evidence` a clause on why."""

    model: str
    variant: str
    engine: str
    engine_version: str
    machine: str
    measured_at: str
    lever: Literal["pixels", "image_tokens"]
    budgets: tuple[StoredBudget, ...] = Field(min_length=1)
    cheapest: str = ""
    evidence: str = ""
    text_first_s: MeasuredSpan | None = None
    """Of the same questions without their image."""

    @property
    def chosen(self) -> StoredBudget | None:
        """The cheapest; None where nothing smaller than the reference is surely as good."""
        return None if self.cheapest in ("", self.reference.name) else self.named(self.cheapest)

    @property
    def reference(self) -> StoredBudget:
        return self.budgets[-1]

    def named(self, name: str) -> StoredBudget | None:
        return next((one for one in self.budgets if one.name == name), None)

    def up_to(self, name: str) -> Sequence[StoredBudget]:
        """Those from the smallest to the one of this name."""
        names = [one.name for one in self.budgets]
        return self.budgets[: names.index(name) + 1] if name in names else self.budgets


def machine_digest(machine: Machine) -> str:
    """12 hexadecimal digits of what decides how fast an engine is here."""
    facts = machine.model_dump(
        mode="json", include={"cpu", "cores_physical", "cores_logical", "gpu", "features"}
    )
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def budget_path(model: str, variant: str) -> str:
    """Where the file is, in the state folder; both names are such that may stand in a file's."""
    return f"{BUDGET_FOLDER}/{model}/{variant}.json"


class BudgetsHere:
    """The files of one state folder; each is read again only when it has changed."""

    def __init__(self, state: Path, machine: str = "") -> None:
        self._state, self._machine = state, machine or machine_digest(this_machine())
        self._read: dict[tuple[str, str], tuple[tuple[int, int], StoredBudgets | str]] = {}

    def of(self, model: str, variant: str, engine_version: str) -> StoredBudgets | str:
        """What holds for this variant on this version of its engine; a str: why nothing does."""
        file = self._state / budget_path(model, variant)
        try:
            seen = file.stat()
        except OSError:
            self._read.pop((model, variant), None)
            return "its image budgets were not measured on this machine"
        state = seen.st_mtime_ns, seen.st_size
        known = self._read.get((model, variant))
        if known is None or known[0] != state:
            known = self._read[(model, variant)] = state, _stored_in(file)
        found = known[1]
        if isinstance(found, str):
            return found
        if found.machine != self._machine:
            return "its image budgets were measured on another machine"
        is_native = engine_version == NATIVE and found.engine_version.startswith(NATIVE)
        if found.engine_version != engine_version and not is_native:
            return (
                f"its image budgets were measured with {found.engine} {found.engine_version}, and this is "
                f"{engine_version or 'unknown'}"
            )
        return found


def _stored_in(file: Path) -> StoredBudgets | str:
    try:
        with file.open("rb") as opened:
            return StoredBudgets.model_validate_json(opened.read(LARGEST_BUDGET_FILE_BYTES))
    except (OSError, ValueError, ValidationError) as error:
        _log.warning("The image budgets in %s cannot be read: %s", file, error)
        return "what was measured of its image budgets cannot be read"
