"""Formats of JSON schemas as patterns, which grammars hold; called by `held_schemas`."""

_DATE = (
    r"[1-9][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
    r"|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_BYTE = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_HEX = "[0-9a-f]"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
_WEB = rf"https?://{_LABEL}(\.{_LABEL}){{0,3}}(:[1-9][0-9]{{0,3}})?(/[A-Za-z0-9._~/?=&-]*)?"
_CLOCK = "([0-9]{1,4}H([0-9]{1,4}M)?([0-9]{1,4}S)?|[0-9]{1,4}M([0-9]{1,4}S)?|[0-9]{1,4}S)"
FORMAT_PATTERNS = {
    "date": f"^{_DATE}$",
    "time": f"^{_TIME}$",
    "date-time": f"^{_DATE}T{_TIME}$",
    "uuid": f"^{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}$",
    "ipv4": rf"^{_BYTE}\.{_BYTE}\.{_BYTE}\.{_BYTE}$",
    "email": rf"^[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*@{_LABEL}(\.{_LABEL}){{1,3}}$",
    "ipv6": "^([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}$",
    "uri": f"^{_WEB}$",
    "uri-reference": f"^{_WEB}$",
    "duration": f"^P([0-9]{{1,4}}D|([0-9]{{1,4}}D)?T{_CLOCK})$",
    "hostname": rf"^{_LABEL}(\.{_LABEL}){{0,3}}$",
}
"""Formats as patterns; all that they match has the format. No 29th of February: few years have
one. No address but those of the web."""
_MORE_FORMATS = (
    "idn-email idn-hostname iri iri-reference json-pointer regex relative-json-pointer uri-template"
)
UNHELD_FORMATS = frozenset(_MORE_FORMATS.split())
"""Other names mean nothing in JSON Schema."""
