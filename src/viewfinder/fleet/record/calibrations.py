"""The calibrations of decisions that `bench` wrote, one file a variant and basis; read by the gateway.

Where the user's own pictures calibrated a kind of question, scenes do not. All hold for the engine's version
that was measured: with another one, the probabilities may be others.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from viewfinder.wire.decisions.answer import CalibratedBy, Calibrations
from viewfinder.wire.decisions.calibration import Curve
from viewfinder.wire.decisions.wording import DecisionKind

_log = logging.getLogger(__name__)
FOLDER = "calibrations"
LARGEST_CALIBRATION_BYTES = 1024 * 1024
Basis = Literal["scenes", "own"]
"""What was asked: questions about drawn scenes, or the user's own."""
HOW_TO = "run: viewfinder bench {model} --suite standard"


class StoredCalibration(BaseModel):
    """`curves` are raw and calibrated probabilities, by kind of question, `samples` how many answers each
    rests on, and `right` the share of right ones; files of older versions do not say these two."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str
    variant: str
    engine: str
    engine_version: str
    measured_at: str
    curves: Mapping[DecisionKind, tuple[tuple[float, ...], tuple[float, ...]]]
    samples: Mapping[DecisionKind, int] = Field(default_factory=dict)
    right: Mapping[DecisionKind, float] = Field(default_factory=dict)


def calibration_path(model: str, variant: str, basis: Basis = "scenes") -> str:
    """Where the file is, in the state folder; both names are such that may stand in a file's."""
    return f"{FOLDER}/{model}/{'own/' if basis == 'own' else ''}{variant}.json"


def calibrations_of(state: Path, model: str, variant: str, engine_version: str | None) -> Calibrations:
    """What holds for this variant on this version of its engine (None: the one that was measured); without
    any, why."""
    how = HOW_TO.format(model=model)
    curves: dict[DecisionKind, Curve] = {}
    by: dict[DecisionKind, CalibratedBy] = {}
    right: dict[DecisionKind, float] = {}
    why = ""
    for basis in ("scenes", "own"):  # the second takes the place of the first
        file = state / calibration_path(model, variant, basis)
        try:
            stored = _read(file)
            known = {kind: Curve(raw, calibrated) for kind, (raw, calibrated) in stored.curves.items()}
        except FileNotFoundError:
            why = why or f"the model was not calibrated on this machine ({how})"
            continue
        except (OSError, ValueError, ValidationError) as error:
            _log.warning("The calibration %s cannot be read: %s", file, error)
            why = f"its calibration cannot be read ({how})"
            continue
        if engine_version is not None and stored.engine_version != engine_version:
            versions = f"{stored.engine} {stored.engine_version}, and this is {engine_version or 'unknown'}"
            why = f"it was calibrated with {versions} ({how})"
            continue
        curves |= known
        right |= {kind: share for kind, share in stored.right.items() if kind in known}
        by |= {kind: CalibratedBy(basis, stored.samples.get(kind)) for kind in known}
    if curves:
        why = f"too few questions of this kind were decided ({how})"
    return Calibrations(curves, why, by, right)


def _read(file: Path) -> StoredCalibration:
    with file.open("rb") as opened:
        return StoredCalibration.model_validate_json(opened.read(LARGEST_CALIBRATION_BYTES))
