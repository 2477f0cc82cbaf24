"""The checks of the computer itself: memory, disks, the hub, our port, processes left behind.

Called by `doctor`. Nothing here raises: what cannot be reached or read is reported like anything else.
"""

import os
import shlex
import shutil
from pathlib import Path

import httpx2

from viewfinder.catalog.hub import endpoint
from viewfinder.catalog.remote import NO_CONNECTION
from viewfinder.core import paths
from viewfinder.core.check import Check, fix, good, note
from viewfinder.core.config import FleetSettings, Settings
from viewfinder.core.errors import AlreadyRunning, BadRequest, PortInUse, ViewfinderError
from viewfinder.fleet.budget import budget_bytes, cut_budget
from viewfinder.gateway.keys import KeyFile
from viewfinder.gateway.listen import require_key_beyond_loopback
from viewfinder.host.leftovers import Leftovers
from viewfinder.host.machine_memory import machine_memory
from viewfinder.host.sockets import bind_port

HUB_TIMEOUT_S = 3.0
LITTLE_BUDGET = 0.5
"""Of the memory: a budget below that leaves much of it unused."""
LITTLE_MEMORY_BYTES = 2_000_000_000
LITTLE_DISK_BYTES, NO_DISK_BYTES = 10_000_000_000, 200_000_000
"""Free space below the first holds few models; below the second, not even results and logs."""


def memory(settings: FleetSettings) -> Check:
    """Whether a small model fits into memory now, and how much all models may use."""
    here = machine_memory()
    says = f"{_gb(here.available_bytes)} of {_gb(here.total_bytes)} are free"
    if here.is_limited:
        says += f", by the limit of this container or service (the computer has {_gb(here.computer_bytes)})"
    if cut := cut_budget(settings):
        return note("memory", f"{says}. {cut}")
    budget = budget_bytes(settings)
    says += f"; models may use {_gb(budget)} together"
    if here.available_bytes < LITTLE_MEMORY_BYTES:
        step = "Free memory: most models do not fit now. This shows what our own take:"
        return note("memory", f"{says}: most models will not fit now.", "viewfinder ps", step)
    if budget < LITTLE_BUDGET * here.total_bytes:
        step = f"Let models use more memory than {_gb(budget)}: remove memory_budget_gb from the settings."
        return note("memory", f"{says}, by fleet.memory_budget_gb.", step=step)
    return good("memory", f"{says}.")


def disk(about: str, folder: Path) -> Check:
    """Whether a folder, which need not exist yet, can be written to and has free space."""
    place = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    if not os.access(place, os.W_OK):
        return fix(about, f"You may not write to {place}.", f"sudo chown -R $USER {shlex.quote(str(place))}")
    free_bytes = shutil.disk_usage(place).free
    says = f"{_gb(free_bytes)} are free at {folder}"
    largest = f"du -sh {shlex.quote(str(folder))}/* | sort -h"
    if free_bytes < NO_DISK_BYTES:
        step = f"Make room: the disk of {folder} is full."
        return fix(about, f"{says}: not even enough for results and logs.", largest, step)
    if free_bytes < LITTLE_DISK_BYTES:
        step = f"Make room: {_gb(free_bytes)} are left at {folder}, enough for small models only."
        return note(about, f"{says}: enough for small models only.", largest, step)
    return good(about, f"{says}.")


def hub() -> Check:
    """Whether models can be pulled now; models that are here run without the hub."""
    place = endpoint()
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "TRUE", "YES", "ON"}:
        return note(
            "model hub",
            "HF_HUB_OFFLINE is set, so no model can be pulled.",
            "unset HF_HUB_OFFLINE",
            "Let models be pulled from the hub.",
        )
    if not place.startswith(("http://", "https://")):
        return fix("model hub", f"HF_ENDPOINT is not a web address: {place}.", "unset HF_ENDPOINT")
    try:
        status = httpx2.head(place, timeout=HUB_TIMEOUT_S, follow_redirects=True).status_code
    except (httpx2.HTTPError, httpx2.InvalidURL, *NO_CONNECTION) as error:
        why = str(error) or type(error).__name__
        return note(
            "model hub",
            f"{place} cannot be reached ({why}): no model can be pulled; models that are here run.",
            "viewfinder pull MODEL",
            "Bring models here by hand: the hub cannot be reached. This names the files.",
        )
    if status >= 500:
        return note("model hub", f"{place} answers with an error (status {status}).")
    return good("model hub", f"{place} can be reached: models can be pulled.")


def keys(settings: Settings) -> list[Check]:
    """Whether `serve` would start where other computers can reach it; nothing on loopback."""
    try:
        require_key_beyond_loopback(settings.host, settings.api_key, KeyFile(paths.keys_file()))
    except ViewfinderError as error:
        step = "Make a key: without one, `serve` does not start where others can reach it."
        return [fix("keys", error.message, "viewfinder keys add NAME", step)]
    return []


def port(settings: Settings) -> Check:
    """Whether the port of `serve` is free."""
    about = f"port {settings.port}"
    try:
        bind_port(settings.host, settings.port, strict=True).socket.close()
    except AlreadyRunning as error:
        return good(about, error.message)
    except PortInUse as error:
        return note(about, f"{error.message} `serve` takes the next free one.", "viewfinder serve --port 0")
    except BadRequest as error:
        return fix(about, error.message, "viewfinder serve --host 127.0.0.1")
    return good(about, "It is free.")


def left_behind(found: Leftovers) -> list[Check]:
    """What a killed Viewfinder left behind: its processes hold memory, its folders do no harm."""
    checks = []
    if found.processes:
        numbers = " ".join(str(stray.identity.pid) for stray in found.processes)
        says = f"A killed Viewfinder left these processes; the next `viewfinder serve` stops them: {numbers}."
        checks.append(fix("leftovers", says, f"kill {numbers}"))
    if found.doubtful:
        numbers = " ".join(map(str, found.doubtful))
        says = f"These processes look like abandoned engines, but that cannot be proven: {numbers}."
        checks.append(fix("leftovers", says, f"kill {numbers}"))
    if found.folders:
        says = f"{len(found.folders)} old folders of sockets; the next `viewfinder serve` removes them."
        checks.append(note("leftovers", says))
    return checks or [good("leftovers", "None.")]


def _gb(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB"
