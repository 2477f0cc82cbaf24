"""What only an earlier run measured still counts after a shorter one."""

import pytest

from tests.report.conftest import figure
from tests.report.sets import measured
from viewfinder.catalog.uncarded import ENDPOINT
from viewfinder.measure.carried import completed
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.latency.result import Latency, RequestTimes
from viewfinder.measure.measures.soak.result import Growth, Soak
from viewfinder.measure.results import ModelResult

ONLY_LONG = ("cold_load", "resolution", "soak")


def standard(**changed: object) -> ModelResult:
    """Everything was measured, and shown to be good enough."""
    ours = measured()
    latency = ours.found["latency"]
    assert isinstance(latency, Latency)
    assert isinstance(latency.images, RequestTimes)
    answered = latency.images.model_copy(update={"asked": 100})
    fields = {
        "found": {**ours.found, "latency": latency.model_copy(update={"images": answered})},
        "fingerprint": "same",
        "run": "long",
        "suite": "standard",
        "status": "production ready",
        "issues": (),
        "contaminated": "",
    }
    return ours.model_copy(update={**fields, **changed})


def quick(**changed: object) -> ModelResult:
    found = {name: one for name, one in standard().found.items() if name not in ONLY_LONG}
    return standard(**{"run": "short", "suite": "quick", "status": "verified", "found": found, **changed})


def test_a_short_run_hides_nothing_that_a_longer_one_found() -> None:
    newest, oldest = completed([quick(), standard()])
    assert newest.run == "short"
    assert newest.status == "production ready"
    assert isinstance(newest.found["soak"], Soak)
    assert newest.found["latency"] == quick().found["latency"]
    [note] = [note for note in newest.notes if note not in quick().notes]
    assert note.startswith("Measured in an earlier run of standard, long of 2026-11-22T10:00:00Z")
    assert all(name.replace("_", " ") in note for name in ONLY_LONG)
    assert oldest == standard()


def test_the_newest_of_several_earlier_findings_counts() -> None:
    [newest, *_] = completed([quick(), standard(run="newer"), standard(run="older")])
    assert "newer of" in newest.notes[-1]
    assert "older" not in newest.notes[-1]


@pytest.mark.parametrize(
    "pair",
    [
        (quick(), standard(fingerprint="another")),
        (quick(fingerprint=""), standard(fingerprint="")),
        (quick(engine=ENDPOINT), standard(engine=ENDPOINT)),
        (quick(failure="it died"), standard()),
        (quick(), standard(failure="it died")),
        (quick(), standard(found={"soak": Missing(missing="the budget was spent before it")})),
    ],
)
def test_what_may_not_hold_any_more_is_not_taken_over(pair: tuple[ModelResult, ModelResult]) -> None:
    assert completed(pair) == list(pair)


def test_a_finding_of_the_newest_run_is_never_replaced() -> None:
    newest, _ = completed([standard(run="newest"), standard()])
    assert newest == standard(run="newest")


def test_a_leak_that_the_earlier_run_saw_is_not_forgotten() -> None:
    soak = standard().found["soak"]
    assert isinstance(soak, Soak)
    leak = Growth(kind="leak", slope=figure(5.0, 0.5, "MB/request"), rise_mb=900.0)
    leaking = {**standard().found, "soak": soak.model_copy(update={"growth": leak})}
    newest, _ = completed([quick(), standard(found=leaking)])
    assert newest.status != "production ready"
    assert "leak" in newest.status_reasons[-1]
