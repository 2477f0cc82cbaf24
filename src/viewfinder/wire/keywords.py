"""The keywords of one JSON schema whose values have crashed or stopped an engine; called by `schema_cost`.

llama.cpp counts down from 2^64 where a maximum is below its minimum, and visits a schema once for each entry
of its `type`.
"""

from typing import Any

from viewfinder.wire.pattern_cost import SchemaFault
from viewfinder.wire.patterns import MAX_REPEATS

MAX_NAME_CHARS = 256
"""Of a property or a reference: llama.cpp matches expressions on them that take a stack frame a character."""
MAX_OPTIONAL = 200
"""Properties of one object that are not required: any later one may follow each."""

MAX_MAXIMUM = 1_000_000
"""llama.cpp takes a maximum above MAX_REPEATS for none, and one above 2^31 for another number."""

_COUNTS = (("minItems", "maxItems"), ("minLength", "maxLength"), ("minProperties", "maxProperties"))


def check_keywords(schema: dict[str, Any]) -> None:
    """Raise SchemaFault for what no engine should get; not for properties that have a keyword's name."""
    for least, most in _COUNTS:
        low, high = _count_of(schema, least), _count_of(schema, most)
        if low is not None and high is not None and high < low:
            raise SchemaFault(f"has a {most} below its {least}")
    if isinstance(types := schema.get("type"), list) and len(types) > len({str(kind) for kind in types}):
        raise SchemaFault("has a type twice in one list")
    if isinstance(properties := schema.get("properties"), dict):
        _check_names(properties, schema.get("required"))


def _count_of(schema: dict[str, Any], word: str) -> int | None:
    count = schema.get(word)
    if count is None:
        return None
    if isinstance(count, bool) or not isinstance(count, int | float) or count < 0:
        raise SchemaFault(f"has a {word} that is no count")
    most = MAX_REPEATS if word.startswith("min") else MAX_MAXIMUM
    if count > most:
        raise SchemaFault(f"has a {word} above {most:,}")
    if count != int(count):
        raise SchemaFault(f"has a {word} that is no count")
    return int(count)


def _check_names(properties: dict[str, Any], required: object) -> None:
    if any(len(name) > MAX_NAME_CHARS for name in properties):
        raise SchemaFault(f"has a property whose name has more than {MAX_NAME_CHARS} characters")
    wanted = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
    if len(properties.keys() - wanted) > MAX_OPTIONAL:
        raise SchemaFault(f"has more than {MAX_OPTIONAL} optional properties in one object")
