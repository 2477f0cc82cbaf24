"""`doctor`: what works on this computer, what does not, and the command that fixes it.

It changes nothing; all it starts, for a moment, is llama.cpp's library, to see which devices it uses.
"""

from collections.abc import Mapping

from viewfinder.api.setup import open_catalog
from viewfinder.api.system_checks import disk, hub, left_behind, memory, port
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.hub import cache_folder
from viewfinder.catalog.known_issues import KnownIssue, is_within, issues_of_engine
from viewfinder.core import paths
from viewfinder.core.check import Check, fix, good, note
from viewfinder.core.config import Settings, load_settings
from viewfinder.core.errors import ViewfinderError
from viewfinder.engines.base import Engine, Installed
from viewfinder.engines.registry import engines
from viewfinder.host.hardware import this_machine
from viewfinder.host.leftovers import leftovers


def check_all(*, settings: Settings | None = None) -> list[Check]:
    """All checks of this computer, in a few seconds; a check that fails raises nothing."""
    settings = settings or load_settings()
    machine = this_machine()
    known = [engine for engine in engines().values() if engine.starts_servers]
    installed = {engine: engine.find() for engine in known}
    return [
        *_engines(installed),
        *(check for engine, here in installed.items() if here for check in engine.checks(here, machine)),
        _models(open_catalog(settings)),
        memory(settings.fleet),
        disk("disk, results and logs", paths.home()),
        disk("disk, models", cache_folder()),
        hub(),
        port(settings),
        *left_behind(leftovers(paths.home())),
        *_known_issues(installed),
    ]


def _engines(engines: Mapping[Engine, Installed | None]) -> list[Check]:
    if not any(engines.values()):
        install = next(engine.install for engine in engines if engine.comes_with_viewfinder)
        return [fix("engines", "No engine is installed, so no model can run.", install)]
    return [_engine(engine, installed) for engine, installed in engines.items()]


def _engine(engine: Engine, installed: Installed | None) -> Check:
    about, title = f"engine {engine.name}", engine.title
    if installed is None:
        return note(about, f"{title} is not installed; models that need it cannot run.", engine.install)
    version = f"{title} {installed.version}"
    if not engine.known_good:
        return good(about, f"{version}; the versions that were tested are not known.")
    if not is_within(installed.version, engine.known_good):
        return note(about, f"{version} was not tested; {engine.known_good} was.", engine.install)
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
            checks.append(fix(about, says, issue.command) if issue.command else note(about, says))
        elif issue.kind == "possible" and not issue.signature:
            checks.append(note(about, f"{issue.what} {issue.remedy} {where}", issue.command))
    prevented = [issue.code for issue in issues if issue.kind == "prevented"]
    reported = [issue.code for issue in issues if issue.kind == "possible" and issue.signature]
    for words, codes in (("Prevented here", prevented), ("Reported when they happen", reported)):
        if codes:
            checks.append(good(about, f"{words}: {', '.join(codes)}."))
    return checks
