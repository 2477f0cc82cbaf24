"""How the soak reads in the guide: rows of a model's table."""

from viewfinder.measure.figures import Measured, Missing
from viewfinder.measure.measures.base import Row
from viewfinder.measure.measures.soak.result import Soak
from viewfinder.measure.troubles.trouble import codes_in

METHOD = (
    "In the **soak** many requests follow each other on one process, each with an image of its own, with "
    "known images in between; then the same image is sent again and again.",
)


def rows(found: Soak | Missing) -> list[Row]:
    if isinstance(found, Missing):
        return [("Soak", found)]
    grown = found.growth
    if isinstance(grown, Missing):
        memory: list[Row] = [("Memory over many requests", grown)]
    else:
        memory = [
            ("Memory over many requests", grown.kind),
            ("Rise of the footprint from the first requests to the last ones (MB)", f"{grown.rise_mb:.1f}"),
            ("Memory growth (MB/request)", grown.slope),
        ]
    return [
        *memory,
        (f"Time of a request over {found.requests} ({_unit(found.latency)})", found.latency),
        ("Descriptors growth (per request)", found.descriptors),
        ("Threads growth (per request)", found.threads),
        ("Canary answers that changed", found.canaries.words),
        ("Failed or empty answers in the soak", found.failures.words),
        ("Troubles found in the soak", codes_in(found.troubles)),
    ]


def _unit(measured: Measured) -> str:
    return "trend" if isinstance(measured, Missing) else measured.unit
