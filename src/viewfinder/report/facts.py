"""What one stored result says, in the guide's units and words; called by `advice`, `changes` and `tables`."""

from viewfinder.measure.figures import Gate, Measured, Missing
from viewfinder.measure.measures.latency.find import INFERENCE
from viewfinder.measure.measures.load.find import LOAD_TIME
from viewfinder.measure.measures.memory.find import DIFFERENCE
from viewfinder.measure.results import ModelResult
from viewfinder.report.figures import right_of

Key = tuple[str, str]
"""Under which the evidence of a result is given: run and model."""


def key(result: ModelResult) -> Key:
    return result.run, result.model


def label(result: ModelResult) -> str:
    """How the guide calls a result everywhere: model and variant."""
    return f"{result.title} ({result.variant})"


def average(result: ModelResult) -> Measured:
    """Average inference, in seconds."""
    return result.facts.figures[INFERENCE]


def load_time(result: ModelResult) -> Measured:
    """Seconds to the first correct image answer."""
    return result.facts.figures[LOAD_TIME]


def memory(result: ModelResult) -> Measured:
    """Memory difference, in GB."""
    return result.facts.figures[DIFFERENCE]


def gate_of(result: ModelResult, name: str) -> Gate | Missing:
    """Of the gates vision, text and follow_up."""
    return result.facts.gates[name]


def gate_clause(result: ModelResult, name: str) -> str:
    """`vision gate passed with 58 of 60 right, 96.7 % (88.6 to 99.1)`."""
    gate, title = gate_of(result, name), name.replace("_", "-")
    if isinstance(gate, Missing):
        return f"{title} gate not measured: {clause(gate.missing)}"
    return f"{title} gate {'passed' if gate.passed else 'not passed'} with {right_of(gate)}"


def clause(sentence: str) -> str:
    """A stored sentence, to stand inside one of the guide's."""
    return sentence.strip().rstrip(".")


def disturbance_of(result: ModelResult) -> str:
    """What spoiled the timings of its run, or nothing; known answers and memory do not depend on it."""
    return f"its timings were disturbed: {clause(result.contaminated)}" if result.contaminated else ""


def failure_of(result: ModelResult) -> str:
    """Why the model failed, or nothing when it did not."""
    if result.status == "failed" or result.failure:
        return f"it failed: {clause(result.failure) or 'no reason was stored'}"
    return ""


def same_machine(one: ModelResult, other: ModelResult) -> bool:
    """Whether figures of the two may be compared; the system may have been updated in between."""
    return _hardware(one) == _hardware(other)


def _hardware(result: ModelResult) -> tuple[str, int, int, int, str]:
    machine = result.machine
    memory_gib = round(machine.memory_bytes / 2**30)
    return machine.cpu, machine.cores_physical, machine.cores_logical, memory_gib, machine.gpu
