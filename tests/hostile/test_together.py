"""Two hours of hostile and polite clients: everything is answered, and nothing grows.

The longest block of the event loop is recorded here; `test_beside` limits it, attack by attack.
"""

import os
from pathlib import Path

import pytest

from tests.faults.measured import publish
from tests.hostile import together
from tests.hostile.beside import RSS_MB, Served
from viewfinder.host.descriptors import raise_limit

SECONDS = float(os.environ.get("VIEWFINDER_SOAK_TOGETHER_S", "7200"))
MIB = 2**20


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_hours_of_attacks_leave_no_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raise_limit()
    served = Served(tmp_path, delivery_timeout_s=1.0)
    try:
        with capsys.disabled():
            record = together.run(served, tmp_path, SECONDS, lambda record: publish("together", record))
    finally:
        served.close()
    first, last = record.first_tenth, record.last_tenth
    assert set(record.polite_statuses) == {"200"}
    assert record.wrong_answers == 0
    assert record.peak_rss_mb < RSS_MB
    assert last["rss_mb"] < first["rss_mb"] * 1.1 + 20
    assert last["engine_and_decoders_mb"] < first["engine_and_decoders_mb"] * 1.1 + 50
    assert last["descriptors"] <= first["descriptors"] + 5
    assert last["processes"] <= first["processes"] + 1
    assert record.log_bytes_per_hour < MIB
    assert last["engine_log_bytes"] < 21 * MIB
