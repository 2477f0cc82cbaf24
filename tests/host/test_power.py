"""Power and warmth: whatever cannot be read is unknown, and nothing fails for it."""

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from viewfinder.host.power import read_power, speed_limit


def test_this_computer_can_be_read(tmp_path: Path) -> None:
    found = read_power()
    assert found.source in ("mains", "battery", "unknown")
    assert found.celsius is None or -50 < found.celsius < 150
    assert read_power(tmp_path / "nothing").governor == "unknown"


def test_a_laptop_on_its_battery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    governor = tmp_path / "scaling_governor"
    governor.write_text("powersave\n")
    battery = SimpleNamespace(percent=41, power_plugged=False)
    monkeypatch.setattr(psutil, "sensors_battery", lambda: battery, raising=False)
    sensors = {"core": [SimpleNamespace(current=55.0), SimpleNamespace(current=71.5)]}
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: sensors, raising=False)
    found = read_power(governor)
    assert (found.source, found.battery_percent, found.governor) == ("battery", 41.0, "powersave")
    assert found.celsius in (71.5, None), "None on macOS, which tells a limit instead"
    battery.power_plugged = None
    assert read_power(governor).source == "unknown"


def test_a_system_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError("no such thing")

    for name in ("sensors_battery", "sensors_temperatures", "cpu_freq"):
        monkeypatch.setattr(psutil, name, refuse, raising=False)
    found = read_power(Path("/nothing"))
    assert found.model_dump(exclude_defaults=True) == {}


def test_what_pmset_says() -> None:
    said = "CPU Power notify\n\tCPU_Scheduler_Limit \t= 100\n\tCPU_Speed_Limit \t= 58\n"
    assert speed_limit(said) == 58
    assert speed_limit("Note: No thermal warning level has been recorded") is None
