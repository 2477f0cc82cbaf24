"""A stored result as JSON for other programs; printed by `bench` and `results`, and sent by the dashboard."""

from typing import Any

from viewfinder.measure.results import ModelResult

SCRIPTS = {
    "vision": ("gates", "vision"),
    "text": ("gates", "text"),
    "follow_up": ("gates", "follow_up"),
    "memory_difference": ("memory", "difference"),
    "average_inference": ("latency", "images", "mean"),
    "median_inference": ("latency", "images", "e2e", "p50"),
    "output_tokens": ("latency", "images", "output_tokens"),
    "own_questions": ("own_images", "accuracy"),
    "ttft_image": ("latency", "images", "ttft", "p50"),
    "ttft_text": ("latency", "texts", "ttft", "p50"),
}
"""The figures of `--json` by the keys that they have had from the first version on, and where they are
found."""
STAMPS = ("spawned", "listening", "ready", "first_token", "first_correct")


def as_printed(result: ModelResult) -> dict[str, Any]:
    """A result as JSON: `found` by measure, and beside it the figures that scripts read. The small pictures
    of wrong answers are left out."""
    fields = result.model_dump(mode="json")
    fields["found"].get("own_images", {}).pop("thumbnails", None)
    figures = {key: _at(fields["found"], path) for key, path in SCRIPTS.items()}
    figures["load"] = {stamp: _at(fields["found"], ("load", stamp)) for stamp in STAMPS}
    return fields | figures | {"decode_rate": result.figures["decode speed"].model_dump(mode="json")}


def _at(found: dict[str, Any], path: tuple[str, ...]) -> Any:
    """What stands at a path, or the nearest reason why nothing does."""
    for name in path:
        if "missing" in found:
            break
        found = found.get(name, {"missing": "not measured"})
    return found
