"""One stored result in the guide's words; called by `advice`, `changes`, `issues` and `tables`."""

import re
from collections.abc import Sequence

from viewfinder.host.hardware import HardwareKind
from viewfinder.measure.figures import Missing
from viewfinder.measure.results import ModelResult
from viewfinder.report.figures import right_of

RunModel = tuple[str, str]
"""Run and model: the key of a result's evidence."""


def key(result: ModelResult) -> RunModel:
    return result.run, result.model


def label(result: ModelResult) -> str:
    """The name of a result throughout the guide: model and variant."""
    return f"{result.title} ({result.variant})"


def without_variants(text: str, results: Sequence[ModelResult]) -> str:
    """The text with the models' titles alone, where no two of these results have the same title."""
    titles = [result.title for result in results]
    for result in results:
        if titles.count(result.title) == 1:
            text = text.replace(label(result), result.title)
    return text


def anchors(results: Sequence[ModelResult]) -> list[str]:
    """The names of the results' sections: lower-case words with hyphens, equal ones numbered, as Markdown's
    renderers make them of headings."""
    made: list[str] = []
    used: dict[str, int] = {}
    for result in results:
        words = re.sub(r"[^\w\s-]", "", label(result).lower()).split(" ")
        name = "-".join("".join(word.split()) for word in words) or "model"
        number = used[name] = used.get(name, -1) + 1
        made.append(f"{name}-{number}" if number else name)
    return made


def gate_clause(result: ModelResult, name: str) -> str:
    """`vision gate passed with 58 of 60 right, 96.7 % (88.6 to 99.1)`."""
    gate, title = result.facts.gates[name], name.replace("_", "-")
    if isinstance(gate, Missing):
        return f"{title} gate not measured: {clause(gate.missing)}"
    return f"{title} gate {'passed' if gate.passed else 'not passed'} with {right_of(gate)}"


def clause(sentence: str) -> str:
    """A stored sentence as a part of one of the guide's sentences."""
    return sentence.strip().rstrip(".")


def disturbance_of(result: ModelResult) -> str:
    """A clause on the disturbance of its timings, or empty; known answers and memory do not depend on it."""
    return f"its timings were disturbed: {clause(result.contaminated)}" if result.contaminated else ""


def failure_of(result: ModelResult) -> str:
    """Why the model failed, in a clause; empty if it did not."""
    if result.status == "failed" or result.failure:
        return f"it failed: {clause(result.failure) or 'no reason was stored'}"
    return ""


def kind_in_words(kind: HardwareKind) -> str:
    """`Xeon, 2 of 4 cores, 16 GiB, NVIDIA L4`, of what tells computers apart."""
    cpu, physical, logical, memory_gib, gpu = kind
    cores = f"{physical} cores" if physical == logical else f"{physical} cores ({logical} logical)"
    return ", ".join(filter(None, (cpu, cores, f"{memory_gib} GiB", gpu)))


def same_machine(one: ModelResult, other: ModelResult) -> bool:
    """Whether figures of the two may be compared; an update of the operating system in between is allowed."""
    return one.machine.kind == other.machine.kind
