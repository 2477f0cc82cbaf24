"""What the computer draws its power from and how warm it is, where that can be read; called by `bench`.

Everything may be unknown: in a container, in a virtual machine, or where the system does not say.
"""

import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
UNKNOWN = "unknown"


class Power(BaseModel):
    """One reading. `source` and `governor` decide how fast the processors may run; the rest is how they are.

    `celsius` is the hottest sensor's; `speed_limit_percent` is what macOS leaves of the processors' speed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = UNKNOWN
    """mains, battery, or unknown (most desktops and servers do not say)."""
    governor: str = UNKNOWN
    battery_percent: float | None = None
    celsius: float | None = None
    mhz: float | None = None
    speed_limit_percent: int | None = None


def read_power(governor: Path = GOVERNOR) -> Power:
    """Read it now; takes milliseconds."""
    battery = _battery()
    with suppress(OSError):
        return Power(**battery, **_warmth(), governor=governor.read_text().strip() or UNKNOWN)
    return Power(**battery, **_warmth())


def speed_limit(said: str) -> int | None:
    """The limit in what `pmset -g therm` prints, in percent; None when it names none."""
    found = re.search(r"CPU_Speed_Limit\s*=\s*(\d+)", said)
    return int(found[1]) if found else None


def _battery() -> dict[str, str | float]:
    with suppress(AttributeError, OSError, ValueError):
        if battery := psutil.sensors_battery():
            plugged = {True: "mains", False: "battery"}.get(battery.power_plugged, UNKNOWN)
            return {"source": plugged, "battery_percent": float(battery.percent)}
    return {}


def _warmth() -> dict[str, float | int]:
    known: dict[str, float | int] = {}
    with suppress(AttributeError, OSError, ValueError, RuntimeError):
        if frequency := psutil.cpu_freq():
            known["mhz"] = float(frequency.current)
    if sys.platform == "darwin":
        with suppress(OSError, subprocess.SubprocessError):
            said = subprocess.run(
                ["/usr/bin/pmset", "-g", "therm"], capture_output=True, text=True, check=False, timeout=5
            )
            if limit := speed_limit(said.stdout):
                known["speed_limit_percent"] = limit
        return known
    with suppress(AttributeError, OSError, ValueError):
        readings = [one.current for sensors in psutil.sensors_temperatures().values() for one in sensors]
        if readings:
            known["celsius"] = float(max(readings))
    return known
