"""How load times read in the guide."""

from viewfinder.measure.figures import Missing, in_unit
from viewfinder.measure.measures.base import Row, Timing
from viewfinder.measure.measures.load.result import LoadTimes

STEPS = {
    "first_correct": "Load time (s)",
    "spawned": "Process running after (s)",
    "listening": "Listening after (s)",
    "ready": "Ready after (s)",
    "first_token": "First token after (s)",
}
METHOD = (
    "**Load time** begins at the start of the server process and ends at its first correct answer to a "
    "question about an image.",
)
COLD_METHOD = (
    "A load time **from the disk** is given only where the kernel confirmed, before each start, that no "
    "page of the model's files was in memory.",
)


def rows(found: LoadTimes | Missing) -> list[Row]:
    if isinstance(found, Missing):
        return [(title, Timing(found)) for title in STEPS.values()]
    return [(title, Timing(in_unit(getattr(found, name), "s"))) for name, title in STEPS.items()]


def cold_rows(found: LoadTimes | Missing) -> list[Row]:
    measured = found if isinstance(found, Missing) else found.first_correct
    return [("Load time, files from the disk (s)", Timing(measured))]
