"""How much memory all models together may use; called by `fleet`, `choice`, and by `api` for `doctor`."""

from viewfinder.core.config import FleetSettings
from viewfinder.host.machine_memory import memory_total_bytes

BUDGET_SHARE = 0.8
"""The part of the memory that models may use, when the settings set no budget: of this computer's, or of
what the container allows in which we run."""


def budget_bytes(settings: FleetSettings) -> int:
    """The budget of the settings, and never more than there is."""
    total_bytes = memory_total_bytes()
    if not settings.memory_budget_gb:
        return int(BUDGET_SHARE * total_bytes)
    return int(min(settings.memory_budget_gb * 1e9, total_bytes))


def cut_budget(settings: FleetSettings) -> str:
    """Says so when the settings set a higher budget than there is memory, which holds for the container that
    a settings file was not written for; otherwise empty."""
    total_bytes = memory_total_bytes()
    if settings.memory_budget_gb * 1e9 <= total_bytes:
        return ""
    return (
        f"fleet.memory_budget_gb is {settings.memory_budget_gb:g}, and this computer or container allows "
        f"{total_bytes / 1e9:.1f} GB: models may use {total_bytes / 1e9:.1f} GB together."
    )
