"""How the gates read in the guide."""

from viewfinder.measure.figures import Gate, Missing
from viewfinder.measure.measures.base import Row
from viewfinder.measure.measures.gates.result import Gates

GATE_TITLES = {"vision": "vision", "text": "pure text", "follow_up": "follow-up turns"}

METHOD = (
    "**Vision**, **pure text** and **follow-up turns** are gates: questions about generated pictures, or "
    "without a picture, whose answers are known exactly. Shares have Wilson's 95 % interval.",
)


def rows(found: Gates | Missing) -> list[Row]:
    gates: dict[str, Gate | Missing] = {
        name: found if isinstance(found, Missing) else getattr(found, name) for name in GATE_TITLES
    }
    proven = [GATE_TITLES[name] for name, gate in gates.items() if isinstance(gate, Gate) and gate.passed]
    return [
        ("Features proven by a gate", ", ".join(proven) or "none"),
        *((GATE_TITLES[name].capitalize(), gate) for name, gate in gates.items()),
    ]
