"""`removals` and `remove`: free the disk of a model's files; called by `viewfinder rm` and other programs."""

from viewfinder.api.control import Control
from viewfinder.api.setup import open_catalog
from viewfinder.catalog import removal
from viewfinder.catalog.hub import repository_folder
from viewfinder.catalog.removal import Removal
from viewfinder.catalog.uncarded import HUB_PREFIX, name_from, parse_reference
from viewfinder.core import paths
from viewfinder.core.config import Settings, load_settings
from viewfinder.core.errors import BadRequest, NotRunning
from viewfinder.fleet.process.states import REST
from viewfinder.host.arguments import started_with


def removals(name: str, *, settings: Settings | None = None) -> list[Removal]:
    """What can be removed of a model: its card's name, or `hf:owner/name`. Removes nothing.

    Files that Viewfinder did not download, or that another model shares, are not among it. Raises
    UnknownModel, ModelFilesError, and BadRequest for a model that is in use or is not of the hub.
    """
    if name.startswith(HUB_PREFIX):
        repository = parse_reference(name)
        model, repos = name_from(repository.repo.rpartition("/")[2]), {repository.repo}
    else:
        catalog = open_catalog(settings or load_settings())
        card = catalog.card(name)
        model, repos = card.name, {one.repo for one in card.variants if one.source == "hub"}
        if not repos:
            raise BadRequest(
                f"The files of '{model}' are not of the hub, and stay.",
                hint="`rm` removes what `viewfinder pull` downloaded.",
                param="model",
            )
        shared = {one.repo for other in catalog.cards() if other.name != model for one in other.variants}
        repos -= shared
    _require_unused(model, repos)
    found = [removal.removal_of(repo, paths.pulled_file()) for repo in sorted(repos)]
    return [one for one in found if one.paths or one.kept]


def remove(found: list[Removal]) -> int:
    """Remove what `removals` found; the bytes that are free now."""
    for one in found:
        removal.remove(one, paths.pulled_file())
    return sum(one.size_bytes for one in found)


def _require_unused(model: str, repos: set[str]) -> None:
    """Raise BadRequest when an engine has the model loaded: of our `serve`, or any other program's."""
    try:
        states = {one.model: one.state for one in Control().fleet().servers}
    except NotRunning:
        states = {}
    if states.get(model, "stopped") not in REST:
        raise BadRequest(
            f"'{model}' is loaded by the running `viewfinder serve`.",
            hint=f"Unload it first: viewfinder stop {model}",
            param="model",
            code="model_in_use",
        )
    for repo in repos:
        if user := started_with(repository_folder(repo)):
            raise BadRequest(
                f"'{model}' is used by {user[1]} (process {user[0]}).",
                hint="Stop that program first.",
                param="model",
                code="model_in_use",
            )
