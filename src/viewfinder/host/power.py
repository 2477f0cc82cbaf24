"""The computer's power source and CPU governor, where they can be read; called by `measure`.

Both may be unknown: in a container, in a virtual machine, or where the system does not report them.
"""

from contextlib import suppress
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
UNKNOWN = "unknown"


class Power(BaseModel):
    """One reading of the settings that limit how fast the processors may run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = UNKNOWN
    """mains, battery, or unknown (most desktops and servers do not say)."""
    governor: str = UNKNOWN


def read_power(governor: Path = GOVERNOR) -> Power:
    """Read it now; takes milliseconds."""
    source = _source()
    with suppress(OSError):
        return Power(source=source, governor=governor.read_text().strip() or UNKNOWN)
    return Power(source=source)


def _source() -> str:
    with suppress(AttributeError, OSError, ValueError):
        if battery := psutil.sensors_battery():
            return {True: "mains", False: "battery"}.get(battery.power_plugged, UNKNOWN)
    return UNKNOWN
