"""The energy that this computer's processors, memory and NVIDIA cards have used; called by `measure`.

Processors and memory are read from RAPL, as Linux shows it (Documentation/power/powercap/powercap.rst):
`energy_uj` counts microjoules and begins again at 0 after `max_energy_range_uj`. A package holds its cores
and its own graphics, but not the memory. Cards are read from NVML (`nvmlDeviceGetTotalEnergyConsumption`,
millijoules since the driver was loaded).
"""

import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from viewfinder.host.graphics_memory import nvml

RAPL = Path("/sys/class/powercap")
JoulesByCounter = Mapping[str, float]
"""Joules by counter; each counts from a moment of its own."""


@dataclass(frozen=True, slots=True)
class EnergyMeter:
    """Counters that were readable when it was made, each with the joules after which it begins again."""

    zones: Mapping[str, tuple[Path, float]]

    def read(self) -> JoulesByCounter:
        """Raises OSError or ValueError when a counter has become unreadable."""
        return {name: _joules(zone / "energy_uj") for name, (zone, _) in self.zones.items()} | _cards()

    def between(self, before: JoulesByCounter, after: JoulesByCounter) -> JoulesByCounter:
        """The joules from one reading to a later one; no counter may have gone round twice.

        Raises KeyError for a counter that the later one lacks.
        """
        return {name: self._more(name, after[name] - start_j) for name, start_j in before.items()}

    def _more(self, name: str, difference_j: float) -> float:
        began_again = difference_j < 0 and name in self.zones
        return difference_j + self.zones[name][1] if began_again else difference_j


def energy_meter(folder: Path = RAPL) -> EnergyMeter | str:
    """The counters of this computer, or why it has none that we may read.

    Without those of the processors there is none: a card's alone would tell less than was used.
    """
    if sys.platform != "linux":
        return "this system tells its energy to the administrator alone"
    zones = {name: zone for zone in sorted(folder.glob("intel-rapl:*")) if (name := _name(zone))}
    if not zones:
        return "its processors report no energy (no RAPL; most virtual machines have none)"
    try:
        return EnergyMeter({name: (zone, _range_j(zone)) for name, zone in zones.items()})
    except PermissionError:
        return "the energy counters of its processors are for root alone"
    except (OSError, ValueError):
        return "the energy counters of its processors cannot be read"


def _name(zone: Path) -> str:
    """That of a package or of a package's memory; empty for a part of what is counted already."""
    with suppress(OSError):
        name = (zone / "name").read_text().strip()
        if name.startswith("package"):
            return name
        if name == "dram":
            return f"memory of {zone.name.removeprefix('intel-rapl:')}"
    return ""


def _range_j(zone: Path) -> float:
    _joules(zone / "energy_uj")
    return _joules(zone / "max_energy_range_uj")


def _joules(file: Path) -> float:
    return int(file.read_text()) / 1e6


def _cards() -> dict[str, float]:
    """The joules of each NVIDIA card whose driver tells them."""
    library, found = nvml(), {}
    if library is not None:
        for card in range(library.nvmlDeviceGetCount()):
            with suppress(library.NVMLError):  # older than Volta
                handle = library.nvmlDeviceGetHandleByIndex(card)
                found[f"NVIDIA card {card}"] = library.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3
    return found
