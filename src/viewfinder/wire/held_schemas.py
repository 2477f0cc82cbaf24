"""What of a JSON schema an engine's grammar holds, and what it would ignore.

Called by `schemas` and by `tool_prompt`. llama.cpp's converter ignores many keywords without a word, and what
stands beside `$ref`, `anyOf`, `const` or `enum` (read in its source, and tried). What can be said in other
words is rewritten; the rest is listed, so that a schema that has to be obeyed strictly can be refused.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from viewfinder.wire.exact_patterns import rewritten
from viewfinder.wire.formats import FORMAT_PATTERNS, UNHELD_FORMATS
from viewfinder.wire.held_numbers import held_number, is_of
from viewfinder.wire.pattern_cost import SchemaFault
from viewfinder.wire.schema_cost import Costs

_Schema = dict[str, Any]
_OF_TYPE = {
    "object": {"properties", "required", "additionalProperties", "minProperties", "maxProperties",
               "patternProperties", "propertyNames", "dependentRequired", "dependentSchemas"},
    "array": {"items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems", "contains",
              "minContains", "maxContains"},
    "string": {"pattern", "format", "minLength", "maxLength"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
}  # fmt: skip
_NEVER_HELD = ("not", "if", "unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef")
_OF_ANY = frozenset(("$ref", "anyOf", "oneOf", "allOf", "type", "const", "enum", *_NEVER_HELD))


class Held:
    """The rewriting of one schema; `unheld` are the paths in it of what a grammar does not hold."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.unheld: list[str] = []
        self._costs = Costs(dict(schema))
        self._definitions: dict[str, _Schema] = {}
        self._names: dict[str, str] = {}
        self.schema: _Schema = self._node(dict(schema), "")
        if self._definitions:
            self.schema = {**self.schema, "$defs": self._definitions}

    def _lost(self, path: str, word: str) -> None:
        self.unheld.append(f"{path}.{word}")

    def _node(self, schema: Any, path: str) -> _Schema:
        if not isinstance(schema, dict):
            if schema is not True:
                self._lost(path, "false")
            return {}
        said = {word for word in schema if _is_assertion(word)}
        for word in sorted(said.intersection(_NEVER_HELD)):
            self._lost(path, word)
        said -= {*_NEVER_HELD}
        if "$ref" in said:
            return self._reference(schema["$ref"], said - {"$ref"}, path)
        for word in ("anyOf", "oneOf"):
            if word in said:
                return self._alternatives(schema, word, said - {word}, path)
        if "allOf" in said:
            return self._components(schema, said - {"allOf"}, path)
        return self._typed(schema, said, path)

    def _reference(self, reference: Any, others: set[str], path: str) -> _Schema:
        """What it refers to gets a name of its own: llama.cpp finds neither "#" nor names with escapes."""
        if not isinstance(reference, str):
            return self._alone({}, {"$ref"}, path)
        if reference not in self._names:
            name = self._names[reference] = f"d{len(self._names)}"
            self._definitions[name] = {}
            place = "." + reference.removeprefix("#").strip("/").replace("/", ".")
            self._definitions[name] = self._node(self._costs.target(reference), place)
        return self._alone({"$ref": f"#/$defs/{self._names[reference]}"}, others, path)

    def _alone(self, node: _Schema, others: set[str], path: str) -> _Schema:
        """A node beside whose one keyword the engine sees no other."""
        for word in sorted(others):
            self._lost(path, word)
        return node

    def _alternatives(self, schema: _Schema, word: str, others: set[str], path: str) -> _Schema:
        parts = schema[word]
        if not isinstance(parts, list) or not parts:
            self._lost(path, word)
            return {}
        if others == {"type"} and all(_type_of(part) == schema["type"] for part in parts):
            others = set()
        if word == "oneOf" and not _are_apart(parts):
            self._lost(path, word)
        held = [self._node(part, f"{path}.{word}[{at}]") for at, part in enumerate(parts)]
        return self._alone({"anyOf": held}, others, path)

    def _components(self, schema: _Schema, others: set[str], path: str) -> _Schema:
        """One component alone is the schema itself; several are merged where they say different things."""
        parts = schema["allOf"]
        if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
            self._lost(path, "allOf")
            return {}
        own = {word: schema[word] for word in others}
        merged = _merged([own, *parts])
        if merged is None:
            self._lost(path, "allOf")
            return self._node(parts[0], f"{path}.allOf[0]")
        return self._node(merged, path)

    def _typed(self, schema: _Schema, said: set[str], path: str) -> _Schema:
        kind = schema.get("type")
        if "const" in said or "enum" in said:
            return self._values(schema, said, path)
        if isinstance(kind, list) and kind:
            return {"anyOf": [self._typed({**schema, "type": one}, said, path) for one in kind]}
        if kind is None:
            kind = next((one for one, words in _OF_TYPE.items() if words & said), None)
        if kind is None or kind in ("boolean", "null"):
            return {} if kind is None else {"type": kind}
        rewrites: dict[object, Callable[[_Schema, str], _Schema]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._number,
            "number": self._number,
        }
        rewrite = rewrites.get(kind) if isinstance(kind, str) else None
        return self._alone({}, {"type"}, path) if rewrite is None else rewrite(schema, path)

    def _values(self, schema: _Schema, said: set[str], path: str) -> _Schema:
        values = schema["enum"] if "enum" in said else [schema["const"]]
        if not isinstance(values, list):
            self._lost(path, "enum")
            return {}
        if "const" in said:
            values = [value for value in values if _is_same(value, schema["const"])]
        if "type" in said:
            kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            values = [value for value in values if any(is_of(value, kind) for kind in kinds)]
        if not values:
            self._lost(path, "enum" if "enum" in said else "const")
            return {}
        return self._alone({"enum": values}, said - {"const", "enum", "type"}, path)

    def _string(self, schema: _Schema, path: str) -> _Schema:
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        patterns = [("pattern", schema["pattern"])] if "pattern" in schema else []
        name = str(schema.get("format"))
        if name in FORMAT_PATTERNS:
            patterns.append(("format", FORMAT_PATTERNS[name]))
        elif name in UNHELD_FORMATS:
            self._lost(path, "format")
        held: _Schema = {"type": "string"}
        if not patterns:
            return held | _counts(schema, "minLength", "maxLength")
        for word, _ in patterns[1:]:
            self._lost(path, word)
        word, pattern = patterns[0]
        try:
            held["pattern"] = rewritten(str(pattern), int(least), None if most is None else int(most))
        except SchemaFault as fault:
            if "length" not in str(fault):
                self._lost(path, word)
                return held
            self._lost(path, "minLength" if most is None else "maxLength")
            held["pattern"] = rewritten(str(pattern))
        return held

    def _number(self, schema: _Schema, path: str) -> _Schema:
        held, unheld = held_number(schema)
        return self._alone(held, unheld, path)

    def _array(self, schema: _Schema, path: str) -> _Schema:
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        if "contains" in schema:
            self._lost(path, "contains")
        if schema.get("uniqueItems") and (most is None or most > 1):
            self._lost(path, "uniqueItems")
        items = schema.get("items")
        word = "items" if isinstance(items, list) else "prefixItems"
        if isinstance(first := schema.get(word), list) and first:
            if least > len(first) or (most is not None and most < len(first)):
                self._lost(path, "minItems" if least > len(first) else "maxItems")
            held = [self._node(part, f"{path}.{word}[{at}]") for at, part in enumerate(first)]
            return {"type": "array", "prefixItems": held}
        if items is False:
            if least:
                self._lost(path, "items")
            return {"enum": [[]]}
        node: _Schema = {
            "type": "array",
            "items": {} if items is None else self._node(items, f"{path}.items"),
        }
        return node | _counts(schema, "minItems", "maxItems")

    def _object(self, schema: _Schema, path: str) -> _Schema:
        schema = _closed(schema)
        named, more = schema.get("properties", {}), schema.get("additionalProperties", True)
        for word in ("patternProperties", "propertyNames", "dependentRequired", "dependentSchemas"):
            if schema.get(word):
                self._lost(path, word)
        if not isinstance(named, dict) or not isinstance(more, dict | bool):
            return self._alone({"type": "object"}, {"properties"}, path)
        others = self._node(more, f"{path}.additionalProperties") if isinstance(more, dict) else {}
        required = _texts(schema.get("required"))
        properties = {
            name: self._node(part, f"{path}.properties.{name}")
            for name, part in named.items()
            if part is not False or name in required
        }
        missing = [name for name in required if name not in properties]
        if missing and more is False:
            self._lost(path, "required")
        properties |= dict.fromkeys(missing, others)
        required += self._required_by_count(schema, properties, required, path)
        held: _Schema = {"type": "object"}
        if properties or more is False or "properties" in schema:
            held["properties"] = properties
        if required:
            held["required"] = required
        if "additionalProperties" in schema:
            held["additionalProperties"] = others or more is not False
            if more is not False and not all(map(_is_simple, properties)):
                self._lost(path, "additionalProperties")
        return held

    def _required_by_count(
        self, schema: _Schema, properties: _Schema, required: list[str], path: str
    ) -> list[str]:
        """Properties without which an object would have too few."""
        least, most = int(schema.get("minProperties", 0)), schema.get("maxProperties")
        optional = [name for name in properties if name not in required]
        added = optional[: max(0, least - len(required))]
        if len(required) + len(added) < least:
            self._lost(path, "minProperties")
        if most is not None and (
            most < len(properties) or schema.get("additionalProperties", True) is not False
        ):
            self._lost(path, "maxProperties")
        return added


def _closed(schema: _Schema) -> _Schema:
    """An object with a bound on its properties, all of which are named, takes no others."""
    named = schema.get("properties")
    if not isinstance(named, dict) or not named or "maxProperties" not in schema:
        return schema
    others = set(_texts(schema.get("required"))) - named.keys()
    return schema if others else {"additionalProperties": False, **schema}


def _merged(parts: list[_Schema]) -> _Schema | None:
    """Schemas that must all hold, as one; None where that is not simple."""
    merged: _Schema = {}
    for part in parts:
        for word, value in part.items():
            if word == "properties" and word in merged and _have_no_name_in_common(value, merged[word]):
                merged[word] = {**merged[word], **value}
            elif word == "required" and word in merged:
                merged[word] = [*_texts(merged[word]), *_texts(value)]
            elif word in merged and merged[word] != value and _is_assertion(word):
                return None
            else:
                merged[word] = value
    closed = [part for part in parts if part.get("additionalProperties", True) is not True]
    return None if closed and len([part for part in parts if part.keys() & {"properties"}]) > 1 else merged


def _is_assertion(word: str) -> bool:
    return word in _OF_ANY or any(word in words for words in _OF_TYPE.values())


def _are_apart(parts: list[Any]) -> bool:
    """Whether no value fits two of these schemas, as far as their types, or a property of theirs, show."""
    if not all(isinstance(part, dict) for part in parts):
        return False
    kinds = [_type_of(part) for part in parts]
    if all(isinstance(kind, str) for kind in kinds) and len(set(kinds)) == len(kinds):
        return not {"integer", "number"} <= set(kinds)
    return any(_are_different(list(values)) for values in _tags(parts))


def _tags(parts: list[_Schema]) -> Iterator[list[Any]]:
    """The constants of each property that all of these objects require."""
    names = set.intersection(*(set(_texts(part.get("required"))) for part in parts))
    for name in names:
        tags = [part["properties"].get(name) for part in parts if isinstance(part.get("properties"), dict)]
        if len(tags) == len(parts) and all(isinstance(tag, dict) and "const" in tag for tag in tags):
            yield [tag["const"] for tag in tags]


def _have_no_name_in_common(one: Any, other: Any) -> bool:
    return isinstance(one, dict) and isinstance(other, dict) and not one.keys() & other.keys()


def _texts(value: Any) -> list[str]:
    """The texts of a list, each once; empty for anything else."""
    texts = [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
    return list(dict.fromkeys(texts))


def _counts(schema: _Schema, *words: str) -> _Schema:
    return {word: int(schema[word]) for word in words if schema.get(word) is not None}


def _are_different(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values) and len(set(values)) == len(values)


def _type_of(part: Any) -> Any:
    return part.get("type") if isinstance(part, dict) else None


def _is_same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _is_simple(name: str) -> bool:
    return name.isascii() and name.replace("_", "").isalnum()
