"""The file from which the gateway calibrates; called by the measures' `find`."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Protocol

from viewfinder.fleet.record.calibrations import Basis, StoredCalibration, calibration_path
from viewfinder.measure.calibrating.worth import KindOfDecision
from viewfinder.measure.figures import Figure, Missing


class CalibratedVariant(Protocol):
    """The fields of a result's header that are needed."""

    @property
    def model(self) -> str: ...
    @property
    def variant(self) -> str: ...
    @property
    def engine(self) -> str: ...
    @property
    def engine_version(self) -> str: ...
    @property
    def measured_at(self) -> str: ...


def calibration_files(
    found: Iterable[KindOfDecision | Missing], of: CalibratedVariant, basis: Basis
) -> dict[str, bytes]:
    """The content by its path in the state folder; nothing where no kind was calibrated."""
    kinds = [one for one in found if isinstance(one, KindOfDecision)]
    if not kinds:
        return {}
    stored = StoredCalibration(
        model=of.model,
        variant=of.variant,
        engine=of.engine,
        engine_version=of.engine_version,
        measured_at=of.measured_at or datetime.now(UTC).isoformat(timespec="seconds"),
        curves={one.kind: (one.raw, one.calibrated) for one in kinds},
        right={one.kind: one.right.value / 100 for one in kinds if isinstance(one.right, Figure)},
        samples={one.kind: one.asked - one.undecided for one in kinds},
    )
    return {calibration_path(of.model, of.variant, basis): stored.model_dump_json().encode()}
