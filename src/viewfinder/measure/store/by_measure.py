"""Converts results of file formats before 3, which had one field for each subject, to the mapping by measure.
Called by `schema` once for each file; works on the stored JSON alone, so that it does not change with the
classes."""

import json
import sqlite3
from typing import Any

Json = dict[str, Any]

_NO_STAMP = {"missing": "the version that measured this did not note it"}
_NO_PART = {"missing": "the suite does not ask it"}
_OWN_FIELDS = {
    "context": "dialogues",
    "stability": "stability",
    "soak": "soak",
    "throughput": "throughput",
    "resolution": "resolution",
    "cold_load": "cold_load",
    "vqa": "own_images",
}
"""Field of an old result > measure; null in that field: the measure was not in the suite."""
_HEADLINE = (
    "average_inference",
    "median_inference",
    "output_tokens",
    "ttft_image",
    "ttft_text",
    "decode_rate",
)
_STAMPS = ("spawned_s", "listening_s", "ready_s", "first_token_s", "first_correct_s")


def results_by_measure(database: sqlite3.Connection) -> None:
    """Convert every result and every process's outcome."""
    for table, column, convert in (("results", "result", result), ("processes", "outcome", outcome)):
        stored = f"SELECT rowid, {column} FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608 our own names
        for number, text in database.execute(stored).fetchall():
            converted = json.dumps(convert(json.loads(text)), ensure_ascii=False)
            database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (converted, number))  # noqa: S608


def result(old: Json) -> Json:
    """A result with its `found` by measure; one that has it already is left as it is."""
    if "found" in old or "vision" not in old:
        return old
    found: Json = {
        "gates": {name: old.pop(name) for name in ("vision", "text", "follow_up")},
        "load": old.pop("load"),
        "latency": _latency(old),
        "memory": {"difference": old.pop("memory_difference"), "phases": old.pop("memory", {})},
    }
    for field, measure in _OWN_FIELDS.items():
        if (stored := old.pop(field, None)) is not None:
            found[measure] = stored
    if isinstance(growth := found.get("soak", {}).get("growth"), dict):
        for dropped in ("at_last", "same_image"):
            growth.pop(dropped, None)
    return old | {"found": found}


def _latency(old: Json) -> Json:
    """The headline figures were stored twice: beside the cells, and in them with the same values."""
    cells: Json | None = old.pop("latency", None)
    headline = {name: old.pop(name) for name in _HEADLINE}
    if cells is None or "missing" in cells:  # from before there were cells, or of a model that broke off
        cells = _cells_of(headline)
    for name in ("images", "short", "repeats", "texts"):
        if "missing" not in cells[name]:
            cells[name].setdefault("mean", _NO_PART)
    if "missing" not in cells["images"]:
        cells["images"]["mean"] = headline["average_inference"]
    return cells


def _cells_of(headline: Json) -> Json:
    gone = dict.fromkeys(("first_image", "later_images", "first_slower", "new_image"), _NO_STAMP)
    images, texts, decode_rate = headline["ttft_image"], headline["ttft_text"], headline["decode_rate"]
    if "missing" not in images:
        images = _cell(images, headline["median_inference"], headline["output_tokens"], decode_rate)
        decode_rate = _NO_STAMP  # it is that of the answers about images
    if "missing" not in texts:
        texts = _cell(texts, _NO_STAMP, _NO_STAMP, decode_rate)
    return {"images": images, "short": _NO_PART, "repeats": _NO_PART, "texts": texts, **gone}


def _cell(ttft: Json, e2e: Json, output_tokens: Json, decode_rate: Json) -> Json:
    def spread(p50: Json) -> Json:
        return {"p50": p50, "p95": _NO_STAMP, "p99": _NO_STAMP}

    return {
        "what": "",
        "ttft": spread(ttft),
        "itl": spread(_NO_STAMP),
        "tpot": spread(_NO_STAMP),
        "e2e": spread(e2e),
        "mean": _NO_STAMP,
        "prefill_rate": _NO_STAMP,
        "decode_rate": decode_rate,
        "output_tokens": output_tokens,
    }


def outcome(old: Json) -> Json:
    """A process's outcome: the stamps of its load become series; its gates are found in its samples again."""
    load = old.pop("load", None)
    for gate in ("vision", "text", "follow_up"):
        old.pop(gate, None)
    if load:
        stamps = {f"load/{name}": [load[name]] for name in _STAMPS if load.get(name) is not None}
        old["series"] = old.get("series", {}) | stamps
    return old
