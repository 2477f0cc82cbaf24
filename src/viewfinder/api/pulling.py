"""`pull`: download models' files from the hub.

Called by `viewfinder pull`, by `ask` and `serve` once the user agreed, and by other programs. No request
over HTTP leads here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from viewfinder.api.measured import measured_here
from viewfinder.api.setup import open_catalog
from viewfinder.catalog.carried import (
    UNREACHABLE,
    CarriedHub,
    ToCarry,
    are_carried,
    by_hand,
    hand_over,
    to_carry,
)
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.hub import MAIN
from viewfinder.catalog.pull import (
    OnPullProgress,
    Plan,
    PulledRepository,
    Wanted,
    fetch,
    plan,
    require_room,
    wanted_of,
    wanted_of_repository,
)
from viewfinder.catalog.pulled import read
from viewfinder.catalog.remote import Hub
from viewfinder.catalog.uncarded import HUB_PREFIX, is_reference, parse_reference
from viewfinder.core import paths
from viewfinder.core.config import Settings, load_settings
from viewfinder.core.errors import BadRequest, HubError, UnknownModel
from viewfinder.fleet.choice import choose_variant


@dataclass(frozen=True, slots=True)
class Pull:
    """The download of one model; `plan` has no sources when it needs no file of the hub."""

    model: str
    variant: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class PulledModel:
    """A model whose files are here and checked; `loaded_bytes` of them were downloaded."""

    model: str
    variant: str
    loaded_bytes: int
    repositories: tuple[PulledRepository, ...]


def prepare(
    names: Sequence[str], *, variant: str | None = None, settings: Settings | None = None
) -> list[Pull]:
    """Look up what has to be downloaded for these models; downloads nothing.

    A name is that of a card, for its variant that suits this machine, or `hf:owner/name[/file.gguf]`.
    Raises UnknownModel, BadRequest, EngineMissing, HubError, ModelFilesError.
    """
    catalog, hub = open_catalog(settings or load_settings()), Hub()
    return [_prepare(catalog, hub, name, variant) for name in names]


def carry_out(
    pulls: Sequence[Pull], on_progress: OnPullProgress = lambda progress: None
) -> list[PulledModel]:
    """Download all that is missing and check each file; nothing is begun without room on the disk for all.

    After an interruption, the next call resumes from what was downloaded.
    Raises HubError, ModelFilesError.
    """
    require_room(sum(pull.plan.missing_bytes for pull in pulls))
    done = []
    for one in pulls:
        brought = fetch(one.plan, Hub(), lock_file=paths.pulled_file(), on_progress=on_progress)
        done.append(PulledModel(one.model, one.variant, one.plan.missing_bytes, tuple(brought)))
    return done


def pull(
    *names: str,
    variant: str | None = None,
    settings: Settings | None = None,
    on_progress: OnPullProgress = lambda progress: None,
) -> list[PulledModel]:
    """Download the files of models (a card's name or `hf:owner/name`) into the hub's cache."""
    return carry_out(prepare(names, variant=variant, settings=settings), on_progress)


def _prepare(catalog: Catalog, hub: Hub, name: str, variant: str | None) -> Pull:
    if name.startswith(HUB_PREFIX):
        repository = parse_reference(name)
        wanted = wanted_of_repository(repository.repo, repository.revision, repository.file)
        needed = [
            ToCarry(repository.repo, repository.revision or MAIN, tuple(filter(None, [repository.file])))
        ]
        return Pull(name, "", _planned(wanted, hub, needed, None, f"viewfinder pull {name}"))
    try:
        card = catalog.get(name)
    except UnknownModel as error:
        if is_reference(name):
            error.hint = f"Write a repository of the hub as {HUB_PREFIX}owner/name."
        raise
    chosen = catalog.card(name).variant(variant) if variant else choose_variant(card, measured_here())[0]
    if chosen.not_served:
        raise BadRequest(
            f"'{chosen.name}' of '{card.name}' is listed but cannot be served.",
            hint=chosen.not_served,
            param="variant",
        )
    again = f"viewfinder pull {name}{f' --variant {variant}' if variant else ''}"
    size_bytes = chosen.download_bytes
    return Pull(name, chosen.name, _planned(wanted_of(chosen), hub, to_carry(chosen), size_bytes, again))


def _planned(
    wanted: list[Wanted], hub: Hub, needed: list[ToCarry], size_bytes: int | None, again: str
) -> Plan:
    """The plan by what was carried here, or by the hub; where it cannot be reached, the error says how the
    files are carried."""
    if wanted and are_carried(needed):
        carried = plan(wanted, CarriedHub(needed, read(paths.pulled_file())))
        return hand_over(carried)
    try:
        return plan(wanted, hub)
    except HubError as error:
        if error.reason in UNREACHABLE:
            error.hint = by_hand(needed, size_bytes, again)
        raise
