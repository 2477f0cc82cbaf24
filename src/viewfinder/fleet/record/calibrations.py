"""The calibrations of decisions that `bench` wrote, one file a variant; read by the gateway.

They hold for the engine's version that was measured: with another one, the probabilities may be others.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from viewfinder.wire.decisions.answer import Calibrations
from viewfinder.wire.decisions.calibration import Curve
from viewfinder.wire.decisions.wording import DecisionKind

_log = logging.getLogger(__name__)
FOLDER = "calibrations"
LARGEST_CALIBRATION_BYTES = 1024 * 1024
HOW_TO = "run: viewfinder bench {model} --suite standard"


class StoredCalibration(BaseModel):
    """`curves` are raw and calibrated probabilities, by kind of question."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str
    variant: str
    engine: str
    engine_version: str
    measured_at: str
    curves: Mapping[DecisionKind, tuple[tuple[float, ...], tuple[float, ...]]]


def calibration_path(model: str, variant: str) -> str:
    """Where the file is, in the state folder; both names are such that may stand in a file's."""
    return f"{FOLDER}/{model}/{variant}.json"


def calibrations_of(state: Path, model: str, variant: str, engine_version: str) -> Calibrations:
    """What holds for this variant on this version of its engine; without any, why."""
    how = HOW_TO.format(model=model)
    file = state / calibration_path(model, variant)
    try:
        with file.open("rb") as opened:
            stored = StoredCalibration.model_validate_json(opened.read(LARGEST_CALIBRATION_BYTES))
        curves = {kind: Curve(raw, calibrated) for kind, (raw, calibrated) in stored.curves.items()}
    except FileNotFoundError:
        return Calibrations(why=f"the model was not calibrated on this machine ({how})")
    except (OSError, ValueError, ValidationError) as error:
        _log.warning("The calibration %s cannot be read: %s", file, error)
        return Calibrations(why=f"its calibration cannot be read ({how})")
    if stored.engine_version != engine_version:
        versions = f"{stored.engine} {stored.engine_version}, and this is {engine_version or 'unknown'}"
        return Calibrations(why=f"it was calibrated with {versions} ({how})")
    return Calibrations(curves, f"too few questions of this kind were decided ({how})")
