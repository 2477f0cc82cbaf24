"""`doctor`: what works on this computer, what does not, and the command that fixes it.

It changes nothing; all it starts, for a moment, is llama.cpp's library, to see which devices it uses.
"""

import importlib.metadata
import json
import re
import subprocess
import sys
from dataclasses import dataclass

from viewfinder.api.check import Check, fix, good, note
from viewfinder.api.setup import open_catalog
from viewfinder.api.system_checks import folders, hub, left_behind, memory, port
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.known_issues import KnownIssue, is_within, issues_of_engine, recognize
from viewfinder.catalog.uncarded import ENDPOINT, LLAMA_CPP
from viewfinder.core import paths
from viewfinder.core.config import Settings, load_settings
from viewfinder.core.errors import ViewfinderError
from viewfinder.engines.base import Found
from viewfinder.engines.registry import engines
from viewfinder.host.child import Exit
from viewfinder.host.hardware import Machine, this_machine
from viewfinder.host.leftovers import leftovers

LIBRARY_TIMEOUT_S = 60.0
ASK_THE_LIBRARY = (
    "import json, xllamacpp as x; "
    "print(json.dumps([[d['name'] for d in x.get_device_info()], x.get_system_info()]))"
)
FROM_SOURCE = "pip install --force-reinstall --no-binary xllamacpp xllamacpp"
"""Builds llama.cpp for this processor; needs a C++ compiler, CMake and Rust."""
WITH_CUDA = re.compile(r"pip install xllamacpp [^\n]*?/cu(\d+)")
"""The lines of the wheel's description that install its builds with CUDA."""


@dataclass(frozen=True, slots=True)
class Library:
    """What llama.cpp's installed library reports; `trouble` says why it does not load."""

    devices: tuple[str, ...] = ()
    features: str = ""
    trouble: str = ""
    command: str = ""

    @property
    def computes_on(self) -> tuple[str, ...]:
        """Its devices other than the processor."""
        return tuple(name for name in self.devices if not name.startswith("CPU"))


def check_all(*, settings: Settings | None = None) -> list[Check]:
    """All checks of this computer, in a few seconds; a check that fails raises nothing."""
    settings = settings or load_settings()
    machine = this_machine()
    found = {name: engine.find() for name, engine in engines().items() if name != ENDPOINT}
    llama_cpp = found.get(LLAMA_CPP)
    library = ask_library(llama_cpp.version) if llama_cpp else None
    return [
        *_engines(found),
        *([processor(machine, library), graphics(machine, library)] if library else []),
        _models(open_catalog(settings)),
        memory(machine.memory_bytes),
        *folders(paths.home()),
        hub(),
        port(settings),
        *left_behind(leftovers(paths.home())),
        *_known_issues(found),
    ]


def ask_library(version: str) -> Library:
    """Load llama.cpp's library in its own process, because a build for another processor would crash it."""
    try:
        result = subprocess.run(
            [sys.executable, "-P", "-c", ASK_THE_LIBRARY],
            capture_output=True,
            text=True,
            check=False,
            timeout=LIBRARY_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return Library(trouble=f"Its library did not load within {LIBRARY_TIMEOUT_S:g} s.")
    try:
        devices, features = json.loads(result.stdout)
    except ValueError:
        how = Exit.of(result.returncode, stopped=False).explanation
        last = result.stderr.strip().rpartition("\n")[2]
        issue = recognize(LLAMA_CPP, version, f"{result.stderr}\n{how}")
        return Library(
            trouble=f"Its library does not load: {how} {last}".strip(),
            command=issue.command if issue else f"pip install --force-reinstall xllamacpp=={version}",
        )
    return Library(tuple(devices), features)


def processor(machine: Machine, library: Library) -> Check:
    """Whether llama.cpp can use this processor and all its features."""
    about = "processor"
    if library.trouble:
        return fix(about, library.trouble, library.command)
    has = ", ".join(machine.features) or "no features known"
    unused = [name for name in machine.features if name.startswith(("avx512", "amx", "sve", "sme"))]
    if not unused or any(name in library.features.upper() for name in ("AVX512", "SVE")):
        return good(about, f"{machine.cpu}: {has}.")
    return note(
        about,
        f"{machine.cpu}: llama.cpp's wheel runs on any processor and does not use {', '.join(unused)}. "
        "Measured with AVX-512, a build for the processor reads images 1.3 times as fast and writes 1.8 "
        "times as fast; building takes some minutes and needs a C++ compiler, CMake and Rust.",
        FROM_SOURCE,
    )


def graphics(machine: Machine, library: Library) -> Check:
    """Whether llama.cpp uses the graphics of this computer."""
    about = "graphics"
    if library.computes_on:
        return good(about, f"llama.cpp computes on {', '.join(library.computes_on)} ({machine.gpu}).")
    if machine.nvidia:
        return note(
            about,
            f"llama.cpp's wheel computes on the processor and does not use the {machine.gpu}: its build with "
            "CUDA is many times as fast.",
            cuda_line(),
        )
    if machine.gpu:
        return note(about, f"llama.cpp does not use the {machine.gpu}.", FROM_SOURCE)
    return good(about, "Models run on the processor: no engine can use any graphics of this computer.")


def cuda_line() -> str:
    """The command that installs llama.cpp with CUDA, from its publisher: the build for the oldest drivers."""
    said = importlib.metadata.metadata("xllamacpp")
    description = said.get("Description") or str(said.get_payload())  # type: ignore[attr-defined]
    lines = {int(found.group(1)): found.group() for found in WITH_CUDA.finditer(description)}
    return lines[min(lines)] if lines else f"XLLAMACPP_BUILD_CUDA=1 {FROM_SOURCE}"


def _engines(found: dict[str, Found | None]) -> list[Check]:
    known = engines()
    if not any(found.values()):
        return [fix("engines", "No engine is installed, so no model can run.", known[LLAMA_CPP].install)]
    return [
        _engine(name, is_here, getattr(known[name], "known_good", ""), known[name].install)
        for name, is_here in found.items()
    ]


def _engine(name: str, found: Found | None, known_good: str, install: str) -> Check:
    about = f"engine {name}"
    if found is None:
        return note(about, "Not installed; models that need it cannot run.", install)
    if not known_good:
        return good(about, f"{found.version}; the versions that were tested are not known.")
    if not is_within(found.version, known_good):
        return note(about, f"{found.version} was not tested; {known_good} was.", install)
    return good(about, f"{found.version}, a version that was tested.")


def _models(catalog: Catalog) -> Check:
    """Whether the files of the model in the package are intact."""
    try:
        catalog.resolve(catalog.card("glimpse").variant())
    except ViewfinderError as error:
        return fix("models", str(error), "pip install --force-reinstall viewfinder")
    return good(
        "models",
        "The files of glimpse, the model in the package, are intact.",
    )


def _known_issues(found: dict[str, Found | None]) -> list[Check]:
    """The known issues of the installed versions, the gravest first."""
    checks: list[Check] = []
    for name, engine in found.items():
        issues = issues_of_engine(name, engine.version) if engine else []
        checks += _issues_of_one(f"known issues, {name}", issues)
    return checks


def _issues_of_one(about: str, issues: list[KnownIssue]) -> list[Check]:
    checks = []
    for issue in issues:
        where = f"({', '.join(issue.references)})"
        if issue.kind == "refuse":
            says = f"{', '.join(issue.models)} is not started with this version: {issue.what} {where}"
            checks.append(fix(about, says, issue.command) if issue.command else note(about, says))
        elif issue.kind == "possible" and not issue.signature:
            checks.append(note(about, f"{issue.what} {issue.remedy} {where}", issue.command))
    for words, codes in (
        ("Prevented here", [issue.code for issue in issues if issue.kind == "prevented"]),
        (
            "Reported when they happen",
            [one.code for one in issues if one.kind == "possible" and one.signature],
        ),
    ):
        if codes:
            checks.append(good(about, f"{words}: {', '.join(codes)}."))
    return checks
