"""The result of one variant in one run, as it is stored and read back; made by `result_builder`, read by
`api` and the report."""

import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field, JsonValue, RootModel, SerializeAsAny, ValidationError, field_validator

from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.base import Facts, ResultHeader, merged
from viewfinder.measure.measures.gates import MEASURE as GATES
from viewfinder.measure.measures.registry import measures
from viewfinder.measure.store.store import Store, StoredResult

Status = Literal[
    "production ready",
    "verified",
    "incomplete",
    "not judged",
    "provisional",
    "vision-only",
    "text-only",
    "avoid",
    "broken",
    "failed",
    "unverified",  # older versions' word for broken
]
_log = logging.getLogger(__name__)


class OtherVersion(RootModel[JsonValue]):
    """The result of a measure that is not installed here, or of another version of it; kept as it is."""


class ModelResult(ResultHeader):
    """Everything that one run found about one variant.

    `found` maps each measure of the run to its result, or to the reason why there is none.
    """

    status: Status
    status_reasons: tuple[str, ...] = ()
    """The reasons for the status, as clauses; empty in results of older versions."""
    failure: str = ""
    contaminated: str = ""
    found: dict[str, SerializeAsAny[BaseModel]] = Field(default_factory=dict)
    issues: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What is unusual about how it was measured, such as which processes were disturbed."""
    machine_drift: Measured | None = None
    """The machine's time for the same work at the run's end over that at its start; None: not timed."""
    own_run: str = ""
    """The run in which the user's own questions were asked, if it was another one; see
    `compare/own_score`."""

    @field_validator("found", mode="before")
    @classmethod
    def _typed(cls, found: Mapping[str, Any]) -> dict[str, BaseModel]:
        return {name: _read(name, stored) for name, stored in found.items()}

    @property
    def is_judged(self) -> bool:
        """Whether its run had the gates. One that asked the user's own questions only takes the place of no
        other result."""
        return GATES.name in self.found

    @property
    def facts(self) -> Facts:
        """The facts of all measures together, for the verdict and the recommendations."""
        return facts_of(self.found)

    @property
    def figures(self) -> dict[str, Figure | Missing]:
        """The headline figures by name ("average inference", "load time", ...), in the guide's units."""
        return dict(self.facts.figures)


def facts_of(found: Mapping[str, BaseModel]) -> Facts:
    """The facts of every known measure; one without a result gives the reason why its figures are missing."""
    each = []
    for name, measure in measures().items():
        result = found.get(name, Missing(missing=measure.absent))
        if isinstance(result, OtherVersion):
            result = Missing(missing="measured by another version")
        each.append(measure.facts(result))
    return merged(each)


def _read(name: str, stored: object) -> BaseModel:
    if isinstance(stored, BaseModel):
        return stored
    measure = measures().get(name)
    for kind in (Missing, measure.result if measure else OtherVersion, OtherVersion):
        try:
            return kind.model_validate(stored)
        except ValidationError:
            continue
    raise ValueError(f"the result of {name!r} is not a JSON value")


def add(store: Store, result: ModelResult, set_aside: Collection[int] = ()) -> None:
    """Keep a result; samples of the processes that are `set_aside` count in no figure."""
    store.add_result(result.run, result.model, result.model_dump_json(), set_aside)


def readable(rows: Iterable[StoredResult]) -> list[ModelResult]:
    """The results in these rows; one that cannot be read is left out, with a warning."""
    results = []
    for row in rows:
        try:
            result = ModelResult.model_validate_json(row.text)
            # Older versions took a gate that was not reached for one that was not passed.
            if result.status in ("text-only", "vision-only", "broken") and result.facts.unreached:
                result = result.model_copy(update={"status": "incomplete"})
            results.append(result)
        except ValidationError:
            _log.warning(
                "Ignored the result of '%(model)s' from run %(run)s: written by another version. Run: "
                "viewfinder bench %(model)s",
                {"model": row.model, "run": row.run},
            )
    return results
