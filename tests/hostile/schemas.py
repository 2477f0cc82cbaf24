"""Schemas that have stopped an engine, and schemas of applications that must be taken; for the tests here."""

from typing import Any

TEXT = {"type": "string"}


def matching(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": pattern}


def model(**properties: Any) -> dict[str, Any]:
    """An object as Pydantic writes it, with every property required."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def fan(levels: int, width: int) -> dict[str, Any]:
    """References to alternatives that are references to alternatives."""
    chain = {f"d{at}": {"anyOf": [{"$ref": f"#/$defs/d{at + 1}"}] * width} for at in range(levels)}
    return {"$ref": "#/$defs/d0", "$defs": {**chain, f"d{levels}": TEXT}}


HOSTILE = {
    # of issue 13: each of the first four made llama.cpp compute for ever
    "531441 copies": matching("^((((((a?){9}){9}){9}){9}){9}){9}$"),
    "2000^4 copies": matching("^(((a{0,2000}){0,2000}){0,2000}){0,2000}$"),
    "1900 optional letters": matching("^(a?){1900}$"),
    "12 levels of 10 references": fan(12, 10),
    # their neighbors; it counted down from 2^64 for the next three, and took a gigabyte in two seconds
    "minItems above maxItems": {"type": "array", "items": TEXT, "minItems": 7, "maxItems": 2},
    "minLength above maxLength": {"type": "string", "minLength": 7, "maxLength": 2},
    "a repetition that ends before it begins": matching("^a{5,2}$"),
    # it crashed at the next two: SIGSEGV
    "components that are their own": {
        "allOf": [{"$ref": "#/$defs/a"}],
        "$defs": {"a": {"$ref": "#/$defs/a"}},
    },
    "a name of 60,000 characters": {"type": "object", "properties": {"!" * 60_000: TEXT}},
    "200 optional letters": matching("^(a?){200}$"),
    "64 optional characters": matching("^(.?){64}$"),
    "64 optional characters, written out": matching("^" + ".?" * 64 + "$"),
    "in a property": model(answer=matching("^(a?){1900}$")),
    "in an array of arrays": {"type": "array", "items": {"type": "array", "items": matching("^(a?){999}$")}},
    "in a definition": {"$ref": "#/$defs/a", "$defs": {"a": matching("^(b?){999}$")}},
    "in oneOf, in allOf": {"allOf": [{"oneOf": [matching("^(c?){999}$"), TEXT]}]},
    "oneOf in anyOf in oneOf": {"oneOf": [{"anyOf": [{"oneOf": [TEXT] * 9}] * 9}] * 9},
    "words without a border": matching("^([a-z]+ ?){999}$"),
    "alternatives that overlap": matching("^(" + "|".join(["[a-z]"] * 99) + "){99}1$"),
    "a few that overlap": matching("^(.|[a-z]|[^b]|[a-y]|[^c]){99}1$"),
    "a tree of lists that begin alike": {"anyOf": [{"type": "array", "items": {"$ref": "#"}}] * 3 + [TEXT]},
    "a type named 99 times": {"type": ["object"] * 99, "properties": {"a": TEXT}},
    # over a vocabulary of 152,000 tokens, llama.cpp walks through each token in all ways: no end in a minute
    "a repetition of a repetition": matching("^(.+)+$"),
    "copies that end anywhere": matching("^([^b].*.)+.*$"),
    "the same alternative twice": matching("^(.|.)*$"),
    "three that overlap": matching("^([a-z]b?|[a-y]c?|[a-x]d?)*$"),
    "words of any characters": matching(r"^(\w+\s?)+$"),
    "four parts of anything": matching("^.*.*.*.*x$"),
    "9,000 values": {"enum": [f"v{number}" for number in range(9000)]},
    "fields of 1,900 characters, 30 of them": model(
        **{f"f{number}": {"type": "string", "maxLength": 1900} for number in range(30)}
    ),
}

SHAPES = ("text", "row", "table", "image", "button", "link", "form", "list", "card", "chart")
JSON_VALUE = {
    "anyOf": [
        {"type": "array", "items": {"$ref": "#/$defs/Json"}},
        {"type": "object", "additionalProperties": {"$ref": "#/$defs/Json"}},
        *({"type": kind} for kind in ("string", "integer", "number", "boolean", "null")),
    ]
}
DATE_TIME = (
    r"^(?:(?:[0-9][0-9][2468][048]|[0-9][0-9][13579][26]|[0-9][0-9]0[48]|[02468][048]00|[13579][26]00)-02-29"
    r"|[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|(?:02)-(?:0[1-9]|1[0-9]|2[0-8])))T(?:(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?)(?:Z)$"
)
IPV6 = (
    "^(([0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}|([0-9a-fA-F]{1,4}:){1,7}:"
    "|([0-9a-fA-F]{1,4}:){1,6}:[0-9a-fA-F]{1,4}|([0-9a-fA-F]{1,4}:){1,5}(:[0-9a-fA-F]{1,4}){1,2}"
    "|([0-9a-fA-F]{1,4}:){1,4}(:[0-9a-fA-F]{1,4}){1,3}|:((:[0-9a-fA-F]{1,4}){1,7}|:))$"
)
EMAIL = r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$"
VAT = "^[A-Z]{2}[0-9A-Z]{2,12}$"
PHONE = r"^(\+?[0-9]{1,3}[- ]?)?(\(?[0-9]{2,4}\)?[- ]?)?[0-9]{3,4}[- ]?[0-9]{3,4}$"

HONEST = {
    "an invoice": model(
        number=matching("^[A-Z]{2,4}-[0-9]{4,10}$"),
        date={"type": "string", "format": "date"},
        currency={"enum": ["EUR", "USD", "GBP", "CHF", "JPY"]},
        seller={"$ref": "#/$defs/Party"},
        buyer={"anyOf": [{"$ref": "#/$defs/Party"}, {"type": "null"}]},
        lines={
            "type": "array",
            "minItems": 1,
            "maxItems": 100,
            "items": model(
                text={"type": "string", "maxLength": 200},
                count={"type": "integer", "minimum": 1, "maximum": 10_000},
                price={"type": "number"},
            ),
        },
        total=matching(r"^-?[0-9]{1,3}(,[0-9]{3})*(\.[0-9]{2})?$"),
    )
    | {"$defs": {"Party": model(name={"type": "string", "maxLength": 300}, vat=matching(VAT))}},
    "200 values": {"enum": [f"category {number}" for number in range(200)]},
    "documented values": {"oneOf": [{"const": name, "description": f"A {name}."} for name in SHAPES]},
    "a page of parts": {
        "$ref": "#/$defs/Part",
        "$defs": {
            "Part": {"anyOf": [{"$ref": f"#/$defs/{kind}"} for kind in SHAPES]},
            **{
                kind: model(
                    id=TEXT,
                    kind={"const": kind, "type": "string"},
                    parts={"type": "array", "items": {"$ref": "#/$defs/Part"}},
                )
                for kind in SHAPES
            },
        },
    },
    "any JSON": {"$ref": "#/$defs/Json", "$defs": {"Json": JSON_VALUE}},
    "a linked list": {
        "$ref": "#/$defs/Node",
        "$defs": {"Node": model(value=TEXT, next={"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]})},
    },
    "an e-mail address": matching(EMAIL),
    "a time": matching(DATE_TIME) | {"format": "date-time"},
    "an IPv6 address": matching(IPV6),
    "a telephone number": matching(
        r"^(\+?[0-9]{1,3}[- ]?)?(\(?[0-9]{2,4}\)?[- ]?)?[0-9]{3,4}[- ]?[0-9]{3,4}$"
    ),
    "a few words": matching("^([A-Za-z]+ ?){1,12}$"),
    "a password": matching(r"^(?=.*[a-z])(?=.*[0-9])[A-Za-z0-9@$!%*?&]{8,64}$"),
    "100 optional fields": {
        "type": "object",
        "properties": {f"field_{number}": {"anyOf": [TEXT, {"type": "null"}]} for number in range(100)},
    },
    "boxes": {
        "type": "array",
        "maxItems": 50,
        "items": model(
            label=TEXT, box={"type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4}
        ),
    },
    "nested eight deep": model(a=model(b=model(c=model(d=model(e=model(f=model(g=model(h=TEXT)))))))),
    "two models that begin alike": {
        "anyOf": [model(name=TEXT, age={"type": "integer"}), model(name=TEXT, size={"type": "number"})]
    },
    "inherited": {
        "allOf": [{"$ref": "#/$defs/Base"}, {"properties": {"b": TEXT}}],
        "$defs": {"Base": model(a=TEXT)},
    },
    "a long text": model(summary={"type": "string", "minLength": 20, "maxLength": 2000}),
}

HONEST_PATTERNS = {
    "padded text": r"^\s*.{1,500}\s*$",
    "simple e-mail": r"^[^@]+@[^@]+\.[^@]+$",
    "e-mail no blanks": r"^[^\s@]+@[^\s@]+\.[^\s@]+$",
    "e-mail common": r"^[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}$",
    "e-mail html5": (
        r"^[a-zA-Z0-9.!#$%&'*+\/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\."
        r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$"
    ),
    "phone": r"^(\+\d{1,3})?\s?\d{1,14}$",
    "E.164": r"^\+?[1-9]\d{1,14}$",
    "US phone": r"^(\+\d{1,2}\s?)?\(?\d{3}\)?[\s.-]?\d{3}[\s.-]?\d{4}$",
    "ISO date": r"^\d{4}-\d{2}-\d{2}$",
    "date strict": r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$",
    "European date": r"^(0?[1-9]|[12][0-9]|3[01])[./-](0?[1-9]|1[0-2])[./-](\d{4}|\d{2})$",
    "time": r"^([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?$",
    "ISO date-time": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?$",
    "duration": r"^P(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+S)?)?$",
    "UUID": "^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
    "URL": r"^https?://[^\s]+$",
    "URL common": (
        r"^https?:\/\/(www\.)?[-a-zA-Z0-9@:%._\+~#=]{1,256}\.[a-zA-Z0-9()]{1,6}\b([-a-zA-Z0-9"
        r"()@:%_\+.~#?&//=]*)$"
    ),
    "URL parts": r"^(https?:\/\/)?([\da-z\.-]+)\.([a-z\.]{2,6})([\/\w \.-]*)*\/?$",
    "URL file": r"^https?://.*\.(png|jpe?g|gif|webp)$",
    "host name": r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$",
    "semver": (
        r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\."
        r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$"
    ),
    "currency": r"^\$?\d{1,3}(,\d{3})*(\.\d{2})?$",
    "currency loose": r"^[$€£¥]?\s?\d+([.,]\d{3})*([.,]\d{1,2})?$",
    "number": r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$",
    "percent": r"^\d{1,3}(\.\d{1,2})?\s?%$",
    "hex color": "^#([A-Fa-f0-9]{6}|[A-Fa-f0-9]{3})$",
    "IPv4": r"^((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(25[0-5]|2[0-4]\d|1?\d?\d)$",
    "MAC": "^([0-9A-Fa-f]{2}[:-]){5}([0-9A-Fa-f]{2})$",
    "IBAN": r"^[A-Z]{2}\d{2}[A-Z0-9]{4}\d{7}([A-Z0-9]?){0,16}$",
    "IBAN spaced": r"^[A-Z]{2}\d{2}(\s?[A-Z0-9]{4}){2,7}\s?[A-Z0-9]{1,4}$",
    "card number": r"^(?:\d{4}[- ]?){3}\d{4}$",
    "UK post code": r"^([A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|GIR ?0A{2})$",
    "slug": "^[a-z0-9]+(?:-[a-z0-9]+)*$",
    "full name": r"^[A-Za-z]+([\s'-][A-Za-z]+)*$",
    "words by comma": r"^\w+(,\s*\w+)*$",
    "tags": r"^(#\w+\s?)+$",
    "sentence": "^[A-Z].*[.!?]$",
    "trimmed": r"^\S(.*\S)?$",
    "title: text": r"^.+:\s.+$",
    "key=value": "^[^=]+=.*$",
    "file name": r"^[\w,\s-]+\.[A-Za-z]{3,4}$",
    "path": "^(/[^/ ]*)+/?$",
    "base64": "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
    "coordinates": r"^-?\d{1,2}(\.\d+)?,\s*-?\d{1,3}(\.\d+)?$",
    "ISBN": r"^(?:ISBN(?:-1[03])?:? )?(?:97[89][- ]?)?\d{1,5}[- ]?\d+[- ]?\d+[- ]?[\dX]$",
    "measure": r"^\d+(\.\d+)?\s*(mm|cm|m|km|g|kg|ml|l)$",
    "a markdown heading": r"^#{1,6}\s+.+$",
    "two-part": "^.{1,100} - .{1,100}$",
    "number list": r"^\d+(, ?\d+)*$",
    "optional trailing": r"^\s*[A-Za-z ]{1,100}\s*$",
    "words": "^([A-Za-z]+ ?)+$",
    "a row of a table": r"^[^|]+ \| [^|]+ \| [^|]+ \| [^|]+$",
}
"""What people write. The first was refused, as were those of an IBAN, a common URL and a trimmed text."""
