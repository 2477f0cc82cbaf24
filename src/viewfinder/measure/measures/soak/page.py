"""How the soak reads in the guide: rows of a model's table."""

from viewfinder.measure.figures import Measured, Missing
from viewfinder.measure.measures.base import Row, Writer
from viewfinder.measure.measures.soak.result import Soak
from viewfinder.measure.troubles.trouble import codes_in

METHOD = (
    "In the **soak** many requests follow each other on one process, each with an image of its own, with "
    "known images in between; then the same image is sent again and again.",
)


def rows(found: Soak | Missing, write: Writer) -> list[Row]:
    if isinstance(found, Missing):
        return [("Soak", write.figure(found))]
    grown = found.growth
    if isinstance(grown, Missing):
        memory = [("Memory over many requests", write.figure(grown))]
    else:
        rise = write.note(
            f"From the first requests to the last ones the footprint rose by {grown.rise_mb:.1f} MB"
        )
        memory = [
            ("Memory over many requests", f"{grown.kind}{rise}"),
            ("Memory growth (MB/request)", write.figure(grown.slope)),
        ]
    return [
        *memory,
        (f"Time of a request over {found.requests} ({_unit(found.latency)})", write.figure(found.latency)),
        ("Descriptors growth (per request)", write.figure(found.descriptors)),
        ("Threads growth (per request)", write.figure(found.threads)),
        ("Canary answers that changed", found.canaries.words),
        ("Failed or empty answers in the soak", found.failures.words),
        ("Troubles found in the soak", write.text(codes_in(found.troubles))),
    ]


def _unit(measured: Measured) -> str:
    return "trend" if isinstance(measured, Missing) else measured.unit
