"""What requests to a variant cost here, as `bench` measured it, one file for each measure; read by the
gateway, which estimates requests before they run."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from viewfinder.fleet.record.measured_file import FilesHere, MeasuredSpan, StoredHere

COST_FOLDER = "costs"
LATENCY_COSTS, MEMORY_COSTS = "latency", "memory"
"""The measures that write such a file."""


class StoredCosts(StoredHere):
    """The costs by name, in the unit that is a part of it: `text_first_s`, `image_first_s`, `image_whole_s`,
    `token_s`, `peak_bytes`."""

    costs: Mapping[str, MeasuredSpan]


def cost_path(model: str, variant: str, measure: str) -> str:
    """Where the file is, in the state folder."""
    return f"{COST_FOLDER}/{model}/{variant}/{measure}.json"


class CostsHere:
    """The costs of the variants of one state folder."""

    def __init__(self, state: Path) -> None:
        self._files = {
            LATENCY_COSTS: FilesHere(
                state, StoredCosts, partial(cost_path, measure=LATENCY_COSTS), "its times"
            ),
            MEMORY_COSTS: FilesHere(
                state, StoredCosts, partial(cost_path, measure=MEMORY_COSTS), "its memory needs"
            ),
        }

    def of(
        self, measure: str, model: str, variant: str, engine_version: str
    ) -> Mapping[str, MeasuredSpan] | str:
        """What holds for this variant; a str: why nothing does."""
        found = self._files[measure].of(model, variant, engine_version)
        return found if isinstance(found, str) else found.costs
