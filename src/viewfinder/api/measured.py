"""What `bench` found of each variant on this machine, for the choice of one; called by what opens a fleet."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from viewfinder.core import paths
from viewfinder.core.errors import ViewfinderError
from viewfinder.fleet.choice import MeasuredHere, MeasuredVariant
from viewfinder.host.hardware import this_machine

if TYPE_CHECKING:
    from viewfinder.measure.results import ModelResult

_log = logging.getLogger(__name__)


def measured_here() -> MeasuredHere:
    """The newest finding of `bench` about each variant that was measured on this machine."""
    return judged(results_here())


def results_here() -> "dict[tuple[str, str], ModelResult]":
    """The newest judged result of each variant on this machine, by the names of model and variant.

    Results that cannot be read are as good as none: they decide an order, and nothing must fail for them.
    """
    if not paths.results_file().is_file():
        return {}
    from viewfinder.measure import results  # a quarter of a second, which `ask` needs for nothing else
    from viewfinder.measure.store.store import Store

    machine = this_machine()
    found: dict[tuple[str, str], ModelResult] = {}
    try:
        with Store(paths.results_file(), for_reading=True) as store:
            for newest in results.readable(store.latest()):
                for result in results.readable(store.history(newest.model, newest.variant)):
                    is_here = (result.machine.cpu, result.machine.gpu) == (machine.cpu, machine.gpu)
                    if is_here and result.is_judged:
                        found.setdefault((result.model, result.variant), result)
    except ViewfinderError as error:
        _log.warning("What was measured here cannot be read: %s", error)
    return found


def judged(found: "Mapping[tuple[str, str], ModelResult]") -> MeasuredHere:
    """The same results, as far as the choice of a variant goes."""
    return {key: _measured(result) for key, result in found.items()}


def _measured(result: "ModelResult") -> MeasuredVariant:
    from viewfinder.measure.figures import Gate

    gates = {name: gate for name, gate in result.facts.gates.items() if isinstance(gate, Gate)}
    vision, text = gates.get("vision"), gates.get("text")
    return MeasuredVariant(
        version=result.engine_version,
        failed=result.status == "failed",
        vision=vision.passed if vision else None,
        text=text.passed if text else None,
        blind=vision is not None and vision.never_answered,
        speechless=text is not None and text.never_answered,
    )
