"""Which code an exchange has, and what came of an error."""

import pytest

from tests.measure.measures.stability.made_up import asked
from viewfinder.measure.measures.stability.result import Recovery
from viewfinder.measure.troubles.failures import code_of, failures, recovery
from viewfinder.measure.troubles.trouble import Code

REFUSED = "engine_refused: The server refused: boom"


@pytest.mark.parametrize(
    ("said", "error", "code"),
    [
        ("Red.", "", None),
        (" ", "", Code.EMPTY),
        ("", REFUSED, Code.REFUSED),
        ("", "engine_died: The connection broke.", Code.DIED),
        ("", "engine_stalled: It went silent.", Code.HUNG),
        ("", "timeout: The answer was not complete after 5 s.", Code.HUNG),
    ],
)
def test_each_has_its_code(said: str, error: str, code: Code | None) -> None:
    assert code_of(asked(0, said, error=error).exchange) == code


def test_each_kind_is_reported_once_with_its_first() -> None:
    all_asked = [asked(0), asked(1, error=REFUSED), asked(2, ""), asked(3, error=REFUSED)]
    found = {trouble.code: trouble for trouble in failures(all_asked)}
    assert found.keys() == {Code.REFUSED, Code.EMPTY}
    rate = found[Code.REFUSED].rate
    assert rate is not None
    assert (rate.events, rate.asked) == (2, 4)
    assert found[Code.REFUSED].said == REFUSED
    assert found[Code.REFUSED].steps[0].scene == asked(1).scene
    assert found[Code.REFUSED].sentence == (
        "REQ.refused: 2 of 4 requests; for example 'engine_refused: The server refused: boom' where 'Green.' "
        "was expected."
    )


FAILED, AGAIN, OTHER, TEXT = asked(0, error=REFUSED), asked(0), asked(1), asked(None, "Sure.")
FAILS_ON = [FAILED] * 6
DIED = asked(0, error="engine_died: The connection broke.")


@pytest.mark.parametrize(
    ("processes", "found"),
    [
        ([[AGAIN, OTHER]], None),
        ([[FAILED, AGAIN]], "transient"),
        ([[FAILED, OTHER], [OTHER]], "transient"),
        ([[AGAIN, *FAILS_ON], [AGAIN]], "needs reload"),
        ([[AGAIN, *FAILS_ON, TEXT], [AGAIN]], "needs reload"),  # it still answers, and no image any more
        ([[FAILED, AGAIN], [OTHER, *FAILS_ON]], "needs reload"),
        ([[AGAIN, *FAILS_ON]], "lasting"),
        ([[AGAIN, FAILED], [OTHER, FAILED, FAILED]], None),  # too few to conclude
        ([[*FAILS_ON, TEXT], [*FAILS_ON, TEXT]], None),  # it never could
        ([[AGAIN, DIED], [OTHER]], "needs reload"),  # a dead engine needs no further failures
        ([[DIED, OTHER], [OTHER]], "transient"),  # only its connection broke
    ],
)
def test_what_came_of_it(processes: list[list[object]], found: Recovery | None) -> None:
    assert recovery(processes) == found  # type: ignore[arg-type]
