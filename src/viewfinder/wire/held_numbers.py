"""What a grammar holds of a number's bounds; called by `held_schemas`.

llama.cpp holds the bounds of whole numbers. Those of others it ignores, so a narrow range is written out as
values, rounded as finely as its width allows.
"""

import math
from decimal import Decimal
from typing import Any

_Schema = dict[str, Any]
FEW = 64
"""The most whole numbers that are written out as values."""
LONGEST_NUMBER = 10**15
"""llama.cpp writes whole numbers of up to 16 digits."""
ROUNDED = ((2, 100), (20, 10), (100, 2))
"""(the widest range, values for each 1 of it): at most 201 values."""

_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


def held_number(schema: _Schema) -> tuple[_Schema, set[str]]:
    """A schema of a number as an engine holds it, and which of its words it does not hold."""
    step = schema.get("multipleOf", 1)
    if schema.get("type") == "integer" or ("multipleOf" in schema and is_of(step, "integer")):
        return _whole(schema, step if is_of(step, "number") else 1)
    said = {word for word in (*_BOUNDS, "multipleOf") if word in schema}
    values = [] if "multipleOf" in said else _decimals(schema)
    return ({"enum": values}, set()) if values else ({"type": "number"}, said)


def _whole(schema: _Schema, step: float) -> tuple[_Schema, set[str]]:
    low, high = _bounds(schema, 1)
    if low > high:
        return {"type": "integer"}, {"maximum"}
    if high - low < FEW * step and is_of(step, "integer") and step > 0:
        values = [value for value in range(int(low), int(high) + 1) if value % int(step) == 0]
        if values:
            return {"enum": values}, set()
    held: _Schema = {"type": "integer"}
    unheld = {"multipleOf"} if step != 1 else set()
    for word, bound in (("minimum", low), ("maximum", high)):
        if math.isfinite(bound):
            if abs(bound) > LONGEST_NUMBER:
                unheld.add(word)
            else:
                held[word] = int(bound)
    return held, unheld


def _decimals(schema: _Schema) -> list[float]:
    """The values of a narrow range, ends included; none where it is wide, open or empty."""
    low, high = _bounds(schema, 100)
    parts = next((parts for width, parts in ROUNDED if high - low <= width * 100), None)
    if parts is None or low > high:
        return []
    every = 100 // parts
    hundredths = {at for at in range(int(low), int(high) + 1) if at % every == 0} | {int(low), int(high)}
    return [at // 100 if at % 100 == 0 else at / 100 for at in sorted(hundredths)]


def _bounds(schema: _Schema, parts: int) -> tuple[float, float]:
    """The least and the highest multiple of 1 / `parts` that a schema allows, as a count of those."""
    low, high = -math.inf, math.inf
    said = {
        word: Decimal(repr(schema[word])) * parts
        for word in _BOUNDS
        if is_of(schema.get(word), "number") and math.isfinite(schema[word])
    }
    if "minimum" in said:
        low = math.ceil(said["minimum"])
    if "exclusiveMinimum" in said:
        low = max(low, math.floor(said["exclusiveMinimum"]) + 1)
    if "maximum" in said:
        high = math.floor(said["maximum"])
    if "exclusiveMaximum" in said:
        high = min(high, math.ceil(said["exclusiveMaximum"]) - 1)
    return low, high


def is_of(value: Any, kind: str) -> bool:
    """Whether a JSON value has this type."""
    if isinstance(value, bool) or value is None:
        return kind == ("null" if value is None else "boolean")
    if isinstance(value, int | float):
        return kind == "number" or (kind == "integer" and value == int(value))
    return isinstance(value, {"string": str, "array": list, "object": dict}.get(kind, ()))
