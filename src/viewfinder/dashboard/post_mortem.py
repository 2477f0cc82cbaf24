"""A post-mortem file as a page shows it; called by `fleet`.

The file may be of another version, or changed by somebody: what is missing or of another kind is left out.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from viewfinder.dashboard.timeline import local
from viewfinder.fleet.record.sentences import span

WIDTH, HEIGHT = 640, 140
"""Of the memory curve, in its own units."""


@dataclass(frozen=True, slots=True)
class MemoryCurve:
    """`points` as SVG's polyline has them; from 0 to `last_s` seconds, from 0 to `most_bytes`."""

    points: str
    last_s: float
    last_bytes: float
    most_bytes: float
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class KeptDeath:
    """A post-mortem; `facts` are short, each with its name."""

    model: str
    at: str
    reason: str
    known_issue: str
    facts: tuple[tuple[str, str], ...]
    requests: tuple[str, ...]
    curve: MemoryCurve | None
    last_lines: tuple[str, ...]
    command: tuple[str, ...]


def post_mortem_of(content: Mapping[str, Any]) -> KeptDeath:
    """What `fleet/record/post_mortem.as_json` wrote, for a person."""
    ended, versions = _mapping(content, "exit"), _mapping(content, "versions")
    up = span(content.get("up_s"))
    facts = {
        "How it ended": _text(ended, "explanation"),
        "Ready for": up or "it had not become ready",
        "Variant": _text(content, "variant"),
        "Process": str(content.get("pid") or ""),
        "Versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }
    return KeptDeath(
        model=_text(content, "model"),
        at=local(_text(content, "at")),
        reason=_text(content, "reason"),
        known_issue=_text(content, "known_issue"),
        facts=tuple((name, text) for name, text in facts.items() if text),
        requests=tuple(_request(one) for one in _list(content, "requests") if isinstance(one, Mapping)),
        curve=memory_curve(_list(content, "memory")),
        last_lines=tuple(map(str, _list(content, "last_lines"))),
        command=tuple(map(str, _list(content, "command"))),
    )


def memory_curve(points: Sequence[Any]) -> MemoryCurve | None:
    """The curve through pairs of seconds and bytes; None for fewer than two."""
    pairs: list[tuple[float, float]] = []
    for point in points:
        with suppress(TypeError, ValueError):
            at_s, size_bytes = point
            pairs.append((float(at_s), float(size_bytes)))
    if len(pairs) < 2:
        return None
    last_s, most = max(at for at, _ in pairs) or 1.0, max(size for _, size in pairs) or 1.0
    places = (f"{at / last_s * WIDTH:.1f},{HEIGHT - size / most * HEIGHT:.1f}" for at, size in pairs)
    return MemoryCurve(" ".join(places), last_s, pairs[-1][1], most)


def _request(shape: Mapping[str, Any]) -> str:
    """The size of a request, as a person says it."""
    pictures, pixels, most = (shape.get(name) for name in ("images", "pixels", "max_tokens"))
    parts = [
        f"{pictures} image{'' if pictures == 1 else 's'} ({int(pixels or 0) / 1e6:.1f} megapixels)"
        if pictures
        else "no image",
        f"{shape.get('characters', 0)} characters of text",
        f"at most {most} tokens" if most else "",
        "streamed" if shape.get("stream") else "",
    ]
    return ", ".join(filter(None, parts))


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    return value if isinstance(value, str) else ""


def _mapping(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = content.get(name)
    return value if isinstance(value, Mapping) else {}


def _list(content: Mapping[str, Any], name: str) -> list[Any]:
    value = content.get(name)
    return list(value) if isinstance(value, list | tuple) else []
