"""Exchanges as a server process might have had them, for judgements that need no engine."""

from collections.abc import Sequence

from viewfinder.catalog.card import Variant
from viewfinder.client.exchange import Exchange
from viewfinder.measure.measures.soak.result import Soak
from viewfinder.measure.measures.stability.counts import COUNTS
from viewfinder.measure.measures.stability.find import stability
from viewfinder.measure.measures.stability.result import Stability
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.troubles.pictures import QUESTION, pictures
from viewfinder.measure.troubles.trouble import Code

VARIANT = Variant(name="v", engine="e", repo="r", vision=True, text=True)


def asked(
    picture: int | None,
    said: str | None = None,
    scenario: str = "stability/one by one",
    *,
    error: str = "",
    at_s: float = 0.0,
    question: str = QUESTION,
    place: int = 0,
) -> Sample:
    """One request about a picture (None: about none), answered rightly where nothing is `said`."""
    prompt = None if picture is None else pictures()[picture]
    expected = prompt.expected if prompt else ""
    text = expected if said is None else said
    return Sample(
        run="run",
        model="org:model",
        process=1,
        scenario=scenario,
        question=question,
        exchange=Exchange(at_s, at_s + 1.0, text="" if error else text, error=error),
        scene=prompt.scene if prompt else "",
        expected=expected,
        right=text == expected and not error if prompt else None,
        place=place,
    )


def judge(processes: Sequence[Sequence[Sample]]) -> Stability:
    """What is found in the requests of these server processes."""
    logs = [ProcessLog(number, samples) for number, samples in enumerate(processes, start=1)]
    found = stability(logs, COUNTS["quick"], VARIANT)
    assert isinstance(found, Stability)
    return found


def color(picture: int) -> str:
    """What is right to say of it."""
    return pictures()[picture].expected


def codes(found: Stability | Soak) -> set[Code]:
    """Those of all troubles that were found."""
    return {trouble.code for trouble in found.troubles}
