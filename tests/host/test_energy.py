"""Energy counters: RAPL of a made-up folder, since most virtual machines have none, a simulated driver."""

from pathlib import Path
from typing import Any

import pytest

from viewfinder.host import energy
from viewfinder.host.energy import EnergyMeter, energy_meter

pytestmark = pytest.mark.skipif(energy.sys.platform != "linux", reason="only Linux shows its counters")


class Driver:
    """Two cards, one of which is too old to tell."""

    class NVMLError(Exception):
        pass

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetTotalEnergyConsumption(self, card: int) -> int:
        if card:
            raise self.NVMLError
        return 9_500


def zone(folder: Path, place: str, name: str, microjoules: int, most: int = 262_143_328_850) -> Path:
    made = folder / place
    made.mkdir()
    for file, content in (("name", name), ("energy_uj", microjoules), ("max_energy_range_uj", most)):
        (made / file).write_text(f"{content}\n")
    return made


def meter_of(folder: Path) -> EnergyMeter:
    meter = energy_meter(folder)
    assert isinstance(meter, EnergyMeter), meter
    return meter


@pytest.fixture(autouse=True)
def _no_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "nvml", lambda: None)


def test_packages_and_their_memory_are_counted_once(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", 5_000_000)
    zone(tmp_path, "intel-rapl:0:0", "core", 4_000_000)
    memory = zone(tmp_path, "intel-rapl:0:1", "dram", 1_000_000)
    meter = meter_of(tmp_path)
    before = meter.read()
    assert before == {"package-0": 5.0, "memory of 0:1": 1.0}
    (package / "energy_uj").write_text("7500000")
    (memory / "energy_uj").write_text("1250000")
    assert meter.between(before, meter.read()) == pytest.approx({"package-0": 2.5, "memory of 0:1": 0.25})


def test_a_counter_that_began_again_has_gone_round_once(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", 9_000_000, most=10_000_000)
    meter = meter_of(tmp_path)
    before = meter.read()
    (package / "energy_uj").write_text("500000")
    assert meter.between(before, meter.read()) == pytest.approx({"package-0": 1.5})


def test_a_card_that_tells_its_energy_is_counted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    monkeypatch.setattr(energy, "nvml", Driver)
    meter = meter_of(tmp_path)
    assert meter.read() == {"package-0": 0.0, "NVIDIA card 0": 9.5}


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (PermissionError(), "for root alone"),
        (OSError(), "cannot be read"),
        (ValueError(), "cannot be read"),
    ],
)
def test_counters_that_cannot_be_read_say_why(
    error: Exception, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)

    def refuse(file: Path) -> Any:
        raise error

    monkeypatch.setattr(energy, "_joules", refuse)
    assert why in str(energy_meter(tmp_path))


def test_a_computer_without_counters_says_so(tmp_path: Path) -> None:
    assert "report no energy" in str(energy_meter(tmp_path))
    zone(tmp_path, "intel-rapl:0", "psys", 0)
    assert "report no energy" in str(energy_meter(tmp_path))
