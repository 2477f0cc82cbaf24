"""`build_llama_cpp` and what is done with the builds afterwards; called by `viewfinder engine`.

    download > unpack > configure > compile > canary and parity > gain > kept, and used from then on

Until the last step it is all in `building-NAME`, which a stopped build leaves for the next one to continue.
"""

import asyncio
import dataclasses
import fcntl
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from viewfinder.api.building import checking, compiling
from viewfinder.api.building.compiling import CMAKE_OPTIONS, Workshop
from viewfinder.api.building.tools import Tools, default_jobs, find_tools, require_room
from viewfinder.api.setup import own_folders
from viewfinder.core.config import Settings, load_settings
from viewfinder.core.engine_settings import WHEEL
from viewfinder.core.errors import AlreadyRunning, BadRequest
from viewfinder.core.native_build import (
    IN_USE,
    PROGRAM,
    RECORD,
    NativeBuild,
    builds_folder,
    native_build_in_use,
    native_builds,
    processor_mark,
)
from viewfinder.core.paths import private
from viewfinder.engines import llama_server
from viewfinder.host.hardware import this_machine

SCENES = 100
OnBuildStep = Callable[[str, float | None], None]
"""Gets what is being done, and the share of it that is done, 0 to 1 (None: not known)."""


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """What is to be built. `version` is that of the package, empty: the newest; `jobs` 0: as many as fit;
    `cuda` None: where NVIDIA's compiler and a card are. `model` is the one that the gain is measured with."""

    version: str = ""
    jobs: int = 0
    cuda: bool | None = None
    scenes: int = SCENES
    model: str = checking.GLIMPSE


def build_llama_cpp(order: BuildOrder, tell: OnBuildStep, settings: Settings | None = None) -> NativeBuild:
    """Build, check, measure, and use it from then on. After an interruption the same call continues.

    Raises EngineError (no compiler, no room, it cannot be compiled, it answers worse than the wheel) and
    AlreadyRunning.
    """
    settings = settings or load_settings()
    tools = find_tools(cuda=order.cuda)
    folder = private(builds_folder())
    shop_folder = private(folder / f"building-{_stem(tools, order.version or 'newest')}")
    require_room(folder, tools)
    begin_s = time.monotonic()
    with _only_one(folder):
        with own_folders() as own:
            shop = Workshop(shop_folder, tools, own.run)
            program, number = asyncio.run(_compiled(shop, order, tell))
        compiled_s = time.monotonic() - begin_s
        version = llama_server.version(program)
        sides = checking.Sides(program, settings)
        doing = "checking its answers"
        parity = checking.check_answers(sides, order.scenes, lambda share: tell(doing, share))
        checking.require_as_good(parity)
        doing = f"measuring the gain with {Path(order.model).name}"
        gains = checking.measure_gain(sides, order.model, lambda share: tell(doing, share))
        facts = {
            "version": version,
            "build": number,
            "processor": this_machine().cpu,
            "processor_mark": processor_mark(),
            "cuda": bool(tools.cuda),
            "options": list(CMAKE_OPTIONS),
            "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "compiled_s": round(compiled_s, 1),
            "parity": dataclasses.asdict(parity),
            "gain_model": Path(order.model).name,
            "gains": {kind: dataclasses.asdict(gain) for kind, gain in gains.items()},
        }
        build = _keep(shop, folder / _stem(tools, str(number)), facts)
    use_build(build.name)
    return build


def use_build(name: str) -> None:
    """Run llama.cpp with this build from the next start on; `wheel` is the one that comes with Viewfinder.

    Raises BadRequest for a name that no build has, and for one of another processor.
    """
    folder = private(builds_folder())
    if name == str(WHEEL):
        (folder / IN_USE).unlink(missing_ok=True)
        return
    build = build_named(name)
    if not build.runs_here:
        raise BadRequest(
            f"{name} was built for another processor: {build.facts.get('processor', 'not known')}.",
            hint="Build it here: viewfinder engine build llama.cpp",
        )
    part = folder / f"{IN_USE}.part"
    part.write_text(name, encoding="utf-8")
    part.replace(folder / IN_USE)


def remove_build(name: str) -> None:
    """Remove a build; where it was used, the wheel's llama.cpp is used again."""
    build = build_named(name)
    in_use = native_build_in_use()
    if in_use is not None and in_use.name == name:
        use_build(str(WHEEL))
    shutil.rmtree(build.folder)


def build_named(name: str) -> NativeBuild:
    """Raises BadRequest when there is none."""
    builds = {one.name: one for one in native_builds()}
    if name not in builds:
        known = ", ".join([str(WHEEL), *builds])
        raise BadRequest(f"There is no build '{name[:100]}'.", hint=f"There are: {known}.", param="build")
    return builds[name]


async def _compiled(shop: Workshop, order: BuildOrder, tell: OnBuildStep) -> tuple[Path, int]:
    tell("downloading the sources", None)
    archive = await compiling.download(shop, order.version)
    number = compiling.build_number(archive)
    tell("unpacking", None)
    sources = await asyncio.to_thread(compiling.unpack, shop, archive)
    doing = f"compiling llama.cpp {number}"
    tell(doing, 0.0)
    jobs = order.jobs or default_jobs()
    return await compiling.compile_server(
        shop, sources, number, jobs, lambda share: tell(doing, share)
    ), number


def _keep(shop: Workshop, place: Path, facts: dict[str, object]) -> NativeBuild:
    """Move the program to its place, whole or not at all; the rest of the build is removed."""
    part = place.with_name(f"building-{place.name}.part")
    for old in (part, place):
        if old.exists():
            shutil.rmtree(old)
    part.mkdir(mode=0o700)
    shutil.move(shop.program, part / PROGRAM)
    (part / RECORD).write_text(json.dumps(facts, indent=2), encoding="utf-8")
    part.rename(place)
    shutil.rmtree(shop.folder, ignore_errors=True)
    return NativeBuild(place, facts)


def _stem(tools: Tools, version: str) -> str:
    """Names what decides whether a program runs here: its version, the processor, the options."""
    processor = re.sub(r"[^a-z0-9]+", "-", this_machine().cpu.lower()).strip("-")[:24].rstrip("-")
    return "-".join(filter(None, (version, processor, processor_mark()[:8], "cuda" if tools.cuda else "")))


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Raises AlreadyRunning when another build is in progress."""
    with (folder / "building.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                "Another `viewfinder engine build` is in progress.", hint="Wait for it, or stop it."
            ) from None
        yield
