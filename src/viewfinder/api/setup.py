"""Sets up the catalog, a fleet and their folders from the settings; called by the other modules of api."""

import logging
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from viewfinder.api.measured import measured_here
from viewfinder.catalog.card import NAME, ModelCard
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.peers import SharedCatalog
from viewfinder.catalog.uncarded import HUB_PREFIX, is_reference
from viewfinder.core import paths
from viewfinder.core.config import Settings, where_given
from viewfinder.core.engine_settings import WHEEL
from viewfinder.core.errors import BadRequest, UnknownModel
from viewfinder.core.variables import nearest
from viewfinder.engines.registry import engines
from viewfinder.fleet.budget import cut_budget
from viewfinder.fleet.fleet import Fleet
from viewfinder.host.leftovers import sweep
from viewfinder.host.ownership import claim, give_up

MOST_TOKENS = 2**31 - 1
"""Of all slots of a server process together: engines count them in 32 bits."""
_log = logging.getLogger(__name__)


def open_catalog(settings: Settings) -> Catalog:
    """The built-in cards and the user's models, with the variants that the user chose and the pulled files.

    Raises BadRequest or UnknownModel when a setting names a model or variant that does not exist.
    """
    peers = {name for name, server in settings.endpoints.items() if server.kind == "viewfinder"}
    for name in peers:
        if not re.fullmatch(NAME, name):
            raise BadRequest(
                f"The name {name[:100]!r} of a gateway is invalid.",
                hint="Use at most 100 letters, digits and . _ : - and start with a letter or a digit.",
                param="endpoints",
            )
    catalog = SharedCatalog(
        settings.models,
        {name: server for name, server in settings.endpoints.items() if name not in peers},
        folder_engines=[name for name, engine in engines().items() if engine.loads_folder],
        wanted=settings.variants,
        aliases=settings.aliases,
        lock_file=paths.pulled_file(),
    )
    catalog.peer_names = peers
    return catalog


def card_of(catalog: Catalog, name: str, mmproj: Path | None = None) -> ModelCard:
    """The card of a model that the user named: by its name, `hf:owner/name`, or a file or folder.

    `mmproj` is the projector that the user named for a file or folder. Never called with a name from a
    request. Raises UnknownModel, BadRequest, FilesMissing, ModelFilesError.
    """
    try:
        card = catalog.get(name)
    except UnknownModel:
        if "://" in name:
            raise _is_address(name) from None
        if is_reference(name) or os.path.isdir(name):  # noqa: PTH112 - of a name that no file can have, too
            return catalog.add(name, mmproj)
        raise
    if mmproj is not None:
        raise BadRequest(
            f"--mmproj belongs to a file or folder, and '{name}' is a model of the catalog.",
            hint=f"Leave it out. A folder of that name is written ./{name}.",
            param="mmproj",
        )
    return card


def require_one_model(names: Sequence[str], mmproj: Path | None) -> None:
    """Raise BadRequest for a projector that does not belong to exactly one model."""
    if mmproj is not None and len(names) != 1:
        raise BadRequest(
            "--mmproj belongs to one file or folder.",
            hint="For example: viewfinder bench model.gguf --mmproj mmproj.gguf",
            param="mmproj",
        )


def _is_address(name: str) -> BadRequest:
    owner, _, rest = urlsplit(name).path.strip("/").partition("/")
    repo = f"{owner}/{rest.partition('/')[0]}"
    on_hub = rest and "huggingface.co/" in name
    return BadRequest(
        f"{name[:200]} is an address, not a model.",
        hint=f"Write a repository of the hub as {HUB_PREFIX}{repo if on_hub else 'owner/name'}."
        + ("" if on_hub else " List a running server under [endpoints.NAME] in viewfinder.toml."),
        param="model",
    )


def known_as(catalog: Catalog, card: ModelCard, name: str) -> str:
    """The name by which the fleet knows the card that the user named.

    The id of a repository stays as it is: it limits the choice to the variants of that repository.
    """
    return card.name if catalog.was_added(card) else name


def check_settings(catalog: Catalog, settings: Settings) -> None:
    """Report each name in the settings that means nothing; called when all models are in the catalog.

    Raises BadRequest for a setting with which no model could ever start, and for an alias of no use.
    """
    catalog.check_aliases()
    _report_unknown(catalog.names(), settings)
    _check_numbers(settings)
    if cut := cut_budget(settings.fleet):
        _warn(cut)
    _check_programs(settings)


def _check_programs(settings: Settings) -> None:
    named = {"engine.llama_server": settings.engine.llama_server}
    for model, changes in settings.engine_for.items():
        named[f"engine_for.{model}.llama_server"] = changes.llama_server
    for setting, program in named.items():
        if program not in (None, WHEEL) and shutil.which(paths.expanded(program)) is None:
            raise BadRequest(
                f"The setting '{setting}' names no program: {program}.",
                hint="Give the whole path of a file that may be executed, or remove it to use the llama.cpp "
                "that comes with Viewfinder.",
                param=setting,
            )


def _report_unknown(models: list[str], settings: Settings) -> None:
    for setting, names in (
        ("fleet.pinned", settings.fleet.pinned),
        ("engine_for", settings.engine_for),
        ("defaults_for", settings.defaults_for),
        ("engine.remote_code", settings.engine.remote_code),
    ):
        for name in names:
            if name not in models:
                _report(setting, name, "model", nearest(name, models))
    for name, local in settings.models.items():
        if local.engine and local.engine not in engines():
            _report(f"models.{name}.engine", local.engine, "engine", nearest(local.engine, [*engines()]))


def _check_numbers(settings: Settings) -> None:
    for name in ("", *settings.engine_for):
        own = settings.engine_of(name)
        _check_options(settings, name)
        if own.context_tokens * own.slots > MOST_TOKENS:
            raise BadRequest(
                f"{own.slots} slots of {own.context_tokens:,} tokens are more than any engine has.",
                hint=f"Lower slots or context_tokens under [{f'engine_for.{name}' if name else 'engine'}].",
                param="engine.context_tokens",
            )
    for name, defaults in settings.defaults_for.items():
        if (defaults.max_tokens or 0) > settings.limits.output_tokens:
            raise BadRequest(
                f"The default max_tokens of '{name}' is {defaults.max_tokens:,}; the most is "
                f"{settings.limits.output_tokens:,}.",
                hint=f"Lower it under [defaults_for.{name}], or raise limits.output_tokens.",
                param=f"defaults_for.{name}.max_tokens",
            )


def _check_options(settings: Settings, model: str) -> None:
    """Raises BadRequest for options with which an engine could start no model."""
    for engine in engines().values():
        for setting, why in engine.unusable(settings.engine_of(model)).items():
            own = getattr(settings.engine_for.get(model), setting, None)
            path = ("engine", setting) if own is None else ("engine_for", model, setting)
            raise BadRequest(
                f"The setting '{'.'.join(path)}' is not valid{f' for {model}' if model else ''}: {why}.",
                hint=where_given(path, {}),
                param=".".join(path),
            )


@cache
def _report(setting: str, name: str, what: str, hint: str) -> None:
    """Once: the settings are read again whenever they change."""
    _log.warning("The setting '%s' names %r, and there is no such %s. %s", setting, name[:100], what, hint)


@cache
def _warn(sentence: str) -> None:
    """Once, too."""
    _log.warning("%s", sentence)


@contextmanager
def own_folders() -> Iterator[paths.Folders]:
    """This process's folders; the one with its engines' sockets is removed afterwards.

    Processes and folders that a killed Viewfinder left behind are cleaned up first.
    """
    sweep(paths.home())
    folders = paths.folders()
    claim(folders.run)
    try:
        yield folders
    finally:
        give_up(folders.run)


@asynccontextmanager
async def open_fleet(catalog: Catalog, settings: Settings) -> AsyncIterator[Fleet]:
    """The catalog's fleet; all its server processes have stopped afterwards."""
    with own_folders() as folders:
        async with Fleet(catalog, settings, folders, measured=measured_here()) as fleet:
            yield fleet
