"""What `bench` found of each variant on this machine, for the choice of one; called by what opens a fleet."""

import logging

from viewfinder.core import paths
from viewfinder.core.errors import ViewfinderError
from viewfinder.fleet.choice import MeasuredHere, MeasuredVariant
from viewfinder.host.hardware import this_machine
from viewfinder.measure import results
from viewfinder.measure.figures import Gate, Missing
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.store import Store

_log = logging.getLogger(__name__)


def measured_here() -> MeasuredHere:
    """The newest finding of `bench` about each variant that was measured on this machine.

    Results that cannot be read are as good as none: they decide an order, and nothing must fail for them.
    """
    if not paths.results_file().is_file():
        return {}
    machine = this_machine()
    found: dict[tuple[str, str], MeasuredVariant] = {}
    try:
        with Store(paths.results_file()) as store:
            for newest in results.readable(store.latest()):
                for result in results.readable(store.history(newest.model, newest.variant)):
                    if (result.machine.cpu, result.machine.gpu) == (machine.cpu, machine.gpu):
                        found.setdefault((result.model, result.variant), _measured(result))
    except ViewfinderError as error:
        _log.warning("What was measured here cannot be read: %s", error)
    return found


def _measured(result: ModelResult) -> MeasuredVariant:
    gates = result.facts.gates
    return MeasuredVariant(
        version=result.engine_version,
        failed=result.status == "failed",
        vision=_passed(gates["vision"]),
        text=_passed(gates["text"]),
        blind=_never_answered(gates["vision"]),
        speechless=_never_answered(gates["text"]),
    )


def _passed(gate: Gate | Missing) -> bool | None:
    return gate.passed if isinstance(gate, Gate) else None


def _never_answered(gate: Gate | Missing) -> bool:
    return isinstance(gate, Gate) and gate.never_answered
