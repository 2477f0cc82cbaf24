"""The stages that there are, in the order in which a run comes to them; called by `runner` and `findings`.

A stage's name is that of its exchanges and of its field in `ModelResult`.
"""

from viewfinder.bench.scenarios.context import Context
from viewfinder.bench.scenarios.stage import Stage
from viewfinder.bench.scenarios.vqa import OwnImages
from viewfinder.bench.suite import Suite

STAGES: dict[str, Stage] = {stage.name: stage for stage in (Context(), OwnImages())}


def stages_of(suite: Suite) -> list[tuple[str, int]]:
    """Each stage of the suite and how many server processes of every model it has."""
    return [(name, n) for name, stage in STAGES.items() if (n := stage.processes(suite))]
