"""The guide's rows on the soak."""

from tests.measure.measures.shown import shown_rows
from tests.measure.measures.stability.made_up import asked
from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.soak import MEASURE
from viewfinder.measure.measures.soak.page import rows
from viewfinder.measure.measures.soak.result import Soak
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.store.rows import ProcessOutcome


def test_the_soak_has_its_figures() -> None:
    requests = [asked(number % 8, scenario="soak/new", at_s=2.0 * number) for number in range(200)]
    series = {
        "soak/new/footprint_bytes": tuple(1e9 + 1e6 * number for number in range(200)),
        "soak/new/descriptors": (5.0,) * 200,
        "soak/new/threads": (3.0,) * 200,
    }
    log = ProcessLog(1, requests, ProcessOutcome(series=series))
    variant = Variant(name="v", engine="e", repo="r", vision=True, text=True)
    found = MEASURE.find([log], MEASURE.counts["standard"], variant)
    assert isinstance(found, Soak)
    said = dict(shown_rows(rows(found)))
    assert said["Memory over many requests"] == "leak"
    assert said["Rise of the footprint from the first requests to the last ones (MB)"] == "190.0"
    assert said["Troubles found in the soak"] == "MEM.leak"
    assert said["Memory growth (MB/request)"].endswith("), n=150")
    assert said["Threads growth (per request)"].endswith("), n=200")
    assert found.issues == ("MEM.leak: memory grows by 1.00 MB a request (1.00 to 1.00), to the end.",)


def test_why_there_is_no_soak() -> None:
    why = "this variant takes no images"
    assert shown_rows(rows(Missing(missing=why))) == [("Soak", why)]
