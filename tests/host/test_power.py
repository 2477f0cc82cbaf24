"""The power supply: values that cannot be read are unknown, and no error."""

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from viewfinder.host.power import read_power


def test_this_computer_can_be_read(tmp_path: Path) -> None:
    assert read_power().source in ("mains", "battery", "unknown")
    assert read_power(tmp_path / "nothing").governor == "unknown"


def test_a_laptop_on_its_battery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    governor = tmp_path / "scaling_governor"
    governor.write_text("powersave\n")
    battery = SimpleNamespace(percent=41, power_plugged=False)
    monkeypatch.setattr(psutil, "sensors_battery", lambda: battery, raising=False)
    found = read_power(governor)
    assert (found.source, found.governor) == ("battery", "powersave")
    battery.power_plugged = None
    assert read_power(governor).source == "unknown"


def test_a_system_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError("no such thing")

    monkeypatch.setattr(psutil, "sensors_battery", refuse, raising=False)
    found = read_power(Path("/nothing"))
    assert found.model_dump(exclude_defaults=True) == {}
