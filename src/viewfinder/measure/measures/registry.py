"""The stages that there are, in the order in which a run comes to them; called by `runner` and `findings`.

A stage's name is that of its exchanges and of its field in `ModelResult`.
"""

from viewfinder.measure.measures.base import Stage
from viewfinder.measure.measures.dialogues.ask import Context
from viewfinder.measure.measures.load.cold import ColdLoad
from viewfinder.measure.measures.own_images.ask import OwnImages
from viewfinder.measure.measures.resolution.ask import ResolutionStage
from viewfinder.measure.measures.soak.ask import Soak
from viewfinder.measure.measures.stability.ask import Stability
from viewfinder.measure.measures.throughput.ask import ThroughputStage
from viewfinder.measure.suite import Suite

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
