"""`doctor`: what works on this computer, what does not, and the command that fixes it.

It changes nothing; all it starts, for a moment, is llama.cpp's library, to see which devices it uses.
"""

from collections.abc import Mapping

from viewfinder.api.models import overview
from viewfinder.api.setup import open_catalog
from viewfinder.api.system_checks import disk, hub, keys, left_behind, memory, port
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.hub import cache_folder
from viewfinder.catalog.known_issues import KnownIssue, is_within, issues_of_engine
from viewfinder.core import paths
from viewfinder.core.check import Check, fix, good, note
from viewfinder.core.config import Settings, load_settings
from viewfinder.core.errors import ViewfinderError
from viewfinder.engines.base import Engine, Installed
from viewfinder.engines.registry import engines
from viewfinder.host.hardware import Machine, this_machine
from viewfinder.host.leftovers import leftovers


def check_all(*, settings: Settings | None = None) -> list[Check]:
    """All checks of this computer, in a few seconds; a check that fails raises nothing."""
    settings = settings or load_settings()
    machine = this_machine()
    known = [engine for engine in engines().values() if engine.starts_servers]
    installed = {engine: engine.find() for engine in known}
    return [
        *_engines(installed, machine),
        *(check for engine, here in installed.items() if here for check in engine.checks(here, machine)),
        _models(open_catalog(settings)),
        *_photographs(settings),
        memory(settings.fleet),
        disk("disk, results and logs", paths.home()),
        disk("disk, models", cache_folder()),
        hub(),
        *keys(settings),
        port(settings),
        *left_behind(leftovers(paths.home())),
        *_known_issues(installed),
    ]


def _engines(engines: Mapping[Engine, Installed | None], machine: Machine) -> list[Check]:
    if not any(engines.values()):
        install = next(engine.install for engine in engines if engine.comes_with_viewfinder)
        return [fix("engines", "No engine is installed, so no model can run.", install)]
    best = min(engine.rank(machine) for engine, installed in engines.items() if installed)
    return [
        _engine(engine, installed, is_faster=engine.rank(machine) < best)
        for engine, installed in engines.items()
    ]


def _engine(engine: Engine, installed: Installed | None, *, is_faster: bool = False) -> Check:
    about, title = f"engine {engine.name}", engine.title
    if installed is None:
        step = f"Install {title}, the engine that suits this computer best." if is_faster else ""
        return note(about, f"{title} is not installed; models that need it cannot run.", engine.install, step)
    version = f"{title} {installed.version}"
    if not engine.known_good:
        return good(about, f"{version}; the versions that were tested are not known.")
    if not is_within(installed.version, engine.known_good):
        step = f"Use a version of {title} that was tested."
        return note(about, f"{version} was not tested; {engine.known_good} was.", engine.install, step)
    return good(about, f"{version}, a version that was tested.")


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


def _photographs(settings: Settings) -> list[Check]:
    """Whether a model that knows photographs is here, and was measured."""
    first, lines = overview(settings=settings)
    if not first:
        return []
    best = first[0]
    here = [line for line in lines if line.here and line.runs and line.vision and not line.limits]
    if not here:
        says = f"No model that knows photographs is here; try {best.model} first."
        step = f"Get {best.model}, which knows photographs: glimpse is a toy."
        return [note("photographs", says, best.command, step)]
    if not any(line.measured for line in here):
        names = ", ".join(line.name for line in here)
        step = f"Measure {here[0].name}: then the guide and the choice of models go by what is true here."
        return [note("measured", f"Not measured yet: {names}.", f"viewfinder bench {here[0].name}", step)]
    return [good("photographs", f"{best.model} is the first to try.")]


def _known_issues(engines: Mapping[Engine, Installed | None]) -> list[Check]:
    """The known issues of the installed versions, the gravest first."""
    checks: list[Check] = []
    for engine, installed in engines.items():
        if installed:
            checks += _issues_of_one(engine.name, issues_of_engine(engine.name, installed.version))
    return checks


def _issues_of_one(engine: str, issues: list[KnownIssue]) -> list[Check]:
    checks, about = [], f"known issues, {engine}"
    for issue in issues:
        where = f"({', '.join(issue.references)})"
        if issue.kind == "refuse":
            says = f"{', '.join(issue.models)} is not started with this version: {issue.what} {where}"
            step = f"Update {engine}: {', '.join(issue.models)} does not start with this version."
            checks.append(fix(about, says, issue.command, step) if issue.command else note(about, says))
        elif issue.kind == "possible" and not issue.signature:
            step = issue.remedy if issue.command.startswith("pip ") else ""
            checks.append(note(about, f"{issue.what} {issue.remedy} {where}", issue.command, step))
    prevented = [issue.code for issue in issues if issue.kind == "prevented"]
    reported = [issue.code for issue in issues if issue.kind == "possible" and issue.signature]
    for words, codes in (("Prevented here", prevented), ("Reported when they happen", reported)):
        if codes:
            checks.append(good(about, f"{words}: {', '.join(codes)}."))
    return checks
