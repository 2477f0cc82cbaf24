"""The stages that there are, in the order in which a run comes to them; called by `runner` and `findings`.

A stage's name is that of its exchanges and of its field in `ModelResult`.
"""

from viewfinder.bench.scenarios.cold_load import ColdLoad
from viewfinder.bench.scenarios.context import Context
from viewfinder.bench.scenarios.resolution import ResolutionStage
from viewfinder.bench.scenarios.soak import Soak
from viewfinder.bench.scenarios.stability import Stability
from viewfinder.bench.scenarios.stage import Stage
from viewfinder.bench.scenarios.throughput import ThroughputStage
from viewfinder.bench.scenarios.vqa import OwnImages
from viewfinder.bench.suite import Suite

STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        ColdLoad(),
        ThroughputStage(),
        ResolutionStage(),
        Context(),
        Stability(),
        Soak(),
        OwnImages(),
    )
}


def stages_of(suite: Suite) -> list[tuple[str, int]]:
    """Each stage of the suite and how many server processes of every model it has."""
    return [(name, n) for name, stage in STAGES.items() if (n := stage.processes(suite))]
