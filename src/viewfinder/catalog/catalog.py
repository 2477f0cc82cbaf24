"""The models that exist here, and whether their files are complete: the built-in cards and the user's own.

Made once by api; fleet, gateway and cli look models up in it. It never downloads anything.
"""

import contextlib
import difflib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from viewfinder.catalog import pulled
from viewfinder.catalog.aliases import Aliases
from viewfinder.catalog.auto_names import OWN_PREFIXES
from viewfinder.catalog.card import INHERITED, NAME, ModelCard, Variant, card_in
from viewfinder.catalog.folder import check_folder, require_inside, require_usual_names
from viewfinder.catalog.full_images import FULL_IMAGES, base_name, with_full_images
from viewfinder.catalog.gguf_facts import WHAT, facts_of, fits, misfit, require_model
from viewfinder.catalog.gguf_files import require_joined
from viewfinder.catalog.gguf_names import part_files
from viewfinder.catalog.headers import check_gguf
from viewfinder.catalog.hub import cache_folder, repository_folder, snapshot
from viewfinder.catalog.local_files import pair_in
from viewfinder.catalog.uncarded import (
    FOLDER_ENGINES,
    HUB_PREFIX,
    LLAMA_CPP,
    TRANSFORMERS,
    card_of_files,
    card_of_repository,
    card_of_server,
    name_from,
    parse_reference,
    require_projector_used,
    size_bytes,
    warn_of_several_projectors,
)
from viewfinder.core.config import LocalModel, RunningServer
from viewfinder.core.errors import BadRequest, FilesMissing, ModelFilesError, UnknownModel
from viewfinder.core.paths import expanded

CARDS = Path(__file__).parent / "cards"
WEIGHTS = Path(__file__).parent / "weights"
T = TypeVar("T")
MOST_NAMES_KEPT = 1000
"""Of those that requests use: a model has several, and clients choose among them."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of one variant; `model` is a file or a folder. They exist and their headers are valid."""

    model: Path
    mmproj: Path | None = None

    @property
    def size_bytes(self) -> int:
        return size_bytes(*part_files(self.model), self.mmproj) or 0

    @property
    def all(self) -> list[Path]:
        """Every file that an engine opens; a folder counts as one."""
        return [*part_files(self.model), *([self.mmproj] if self.mmproj else [])]


class Catalog:
    """Every card by its name; `extra` and `endpoints` are those that the user's settings add, and `aliases`
    their other names.

    `folder_engines` load model folders, whose files are then checked; `wanted` names the only variant of a
    model that may be used, where the user chose one; `lock_file` is the record of pulled files, which the
    files on disk are compared with.
    """

    def __init__(
        self,
        extra: Mapping[str, LocalModel] | None = None,
        endpoints: Mapping[str, RunningServer] | None = None,
        *,
        folder_engines: Collection[str] = FOLDER_ENGINES,
        wanted: Mapping[str, str] | None = None,
        aliases: Mapping[str, str] | None = None,
        weights: Path = WEIGHTS,
        lock_file: Path | None = None,
    ) -> None:
        self._weights = weights
        self._lock_file = lock_file
        self._folder_engines = folder_engines
        self._added: dict[str, str] = {}
        self._narrowed: dict[str, ModelCard] = {}
        """What `get` found, by the name that was asked for."""
        self.aliases = Aliases(aliases or {})
        self._cards = {card.name: card for card in map(self._read_card, sorted(CARDS.glob("*.toml")))}
        for name, local in (extra or {}).items():
            self._add(name, card_of_files, local)
        for name, server in (endpoints or {}).items():
            self._add(name, card_of_server, server)
        self._wanted = dict(self._chosen(name, variant) for name, variant in (wanted or {}).items())

    def names(self) -> list[str]:
        return list(self._cards)

    def cards(self) -> list[ModelCard]:
        """All cards with all of their variants."""
        return list(self._cards.values())

    def card(self, name: str) -> ModelCard:
        """The whole card of a model, by its name, an alias, or the id of one of its repositories.

        Raises UnknownModel, with similar names, when there is none.
        """
        if card := self._find(self.meant(name)):
            return card
        known = [*self._cards, *self.aliases.names()]
        close = difflib.get_close_matches(name[:100], known, n=3, cutoff=0.5)
        meant = f"Did you mean {' or '.join(close)}? " if close else ""
        shown = name if len(name) <= 100 else f"{name[:100]}..."
        raise UnknownModel(
            f"There is no model named {shown!r}.",
            hint=f"{meant}`viewfinder models` and GET /v1/models list the models.",
            param="model",
        )

    def get(self, name: str) -> ModelCard:
        """The card for `name`, with only those of its variants that may be used for it.

        The id of a repository ("mlx-community/llava-v1.6-mistral-7b-4bit") selects the variants of that
        repository; among these, only the one that the user chose, if any. Raises UnknownModel.
        """
        if name.endswith(FULL_IMAGES) and name not in self._cards:
            return with_full_images(self.get(base_name(name)))
        if name not in self._narrowed:
            if len(self._narrowed) > MOST_NAMES_KEPT:
                self._narrowed.clear()
            card = self.card(name)
            variants = self._named(card, self.meant(name))
            wanted = [variant for variant in variants if variant.name == self._wanted.get(card.name)]
            self._narrowed[name] = card.narrowed(wanted or variants)
        return self._narrowed[name]

    def meant(self, name: str) -> str:
        """What an alias stands for; any other name as it is."""
        return self.aliases.meant(name, self._cards)

    def other_names(self) -> dict[str, str]:
        """Every alias of a model > that model's own name."""
        models = {alias: self._find(self.meant(alias)) for alias in self.aliases.names()}
        return {alias: card.name for alias, card in models.items() if card is not None}

    def check_aliases(self) -> None:
        """Raises BadRequest for an alias of no use; called when all models are in the catalog."""
        self.aliases.check(self._cards, lambda name: self._find(name) is not None)

    def add(self, reference: str, mmproj: Path | None = None) -> ModelCard:
        """The card for a reference: `hf:owner/name[@revision]`, a model folder or a .gguf file.

        `mmproj` is the projector of a GGUF model on this disk, in place of the one beside it.

        Only for a person at this computer (command line, Python): names in requests are looked up by `get`,
        which never reads a path or a repository. Raises BadRequest, FilesMissing, ModelFilesError.
        """
        if reference not in self._added:
            card = self._card_of(reference, mmproj)
            self._narrowed.clear()
            self._cards[card.name] = card
            self._added[reference] = card.name
            try:
                self.resolve(card.variants[0])
            except ModelFilesError:
                self._narrowed.clear()
                del self._cards[card.name], self._added[reference]
                raise
            warn_of_several_projectors(card.variants[0])
        return self._cards[self._added[reference]]

    def was_added(self, card: ModelCard) -> bool:
        """Whether the card was made by `add`, so that only this catalog knows its name."""
        return card.name in self._added.values()

    def resolve(self, variant: Variant) -> ModelFiles:
        """The paths of the variant's files; empty for a running server, which has its own.

        Raises ModelFilesError when a file is truncated or the wrong one, FilesMissing when pulling helps.
        """
        if variant.source == "server":
            return ModelFiles(Path())
        try:
            return self._resolved(variant)
        except ModelFilesError as error:
            if variant.source == "hub" and error.reason in ("model_missing", "model_truncated"):
                raise FilesMissing(error.message, *self._to_pull(variant), code=error.reason) from None
            raise

    def written_s(self, variant: Variant) -> int | None:
        """When the variant's model was written, in seconds of Unix time; None where it is not here."""
        if variant.source == "server":
            return None
        model, _ = self._paths(variant)
        files = model.glob("*.safetensors") if model.is_dir() else part_files(model)
        with contextlib.suppress(OSError):
            return int(max((file.stat().st_mtime for file in files), default=0)) or None
        return None

    def _resolved(self, variant: Variant) -> ModelFiles:
        model, mmproj = self._paths(variant)
        for file in filter(None, (*part_files(model), mmproj)):
            if not file.exists():
                raise ModelFilesError(
                    f"{variant.repo} is not on this disk."
                    if variant.source == "hub"
                    else f"{file} is missing.",
                    hint="The package is incomplete: install it again."
                    if variant.source == "package"
                    else "Check the path in your settings or on the command line.",
                    code="model_missing",
                )
        if variant.source == "hub":
            self._check_pulled(variant, model, mmproj)
        if variant.engine == LLAMA_CPP:
            _check_pair(model, mmproj)
        elif variant.engine in self._folder_engines:
            check_folder(model, *_where_links_may_lead(variant, model))
            if variant.engine == TRANSFORMERS:
                require_usual_names(model)
        return ModelFiles(model, mmproj)

    def _chosen(self, name: str, variant: str) -> tuple[str, str]:
        """The card's own name and the variant chosen for it; BadRequest when it has no such variant."""
        card = self.card(name)
        among = [one.name for one in self._named(card, self.meant(name))]
        if variant not in among:
            raise BadRequest(
                f"'{name}' has no variant {variant[:100]!r}.",
                hint=f"Its variants: {', '.join(among)}.",
                param=f"variants.{name}",
            )
        return card.name, variant

    def _find(self, name: str) -> ModelCard | None:
        """The card with this name, or with a variant in the repository of this id."""
        if name in self._cards:
            return self._cards[name]
        return next((card for card in self._cards.values() if _of_repository(card, name)), None)

    @staticmethod
    def _named(card: ModelCard, name: str) -> tuple[Variant, ...]:
        """The variants that a name selects: all of them by the card's name, else those of a repository."""
        return card.variants if name == card.name else _of_repository(card, name)

    def _check_pulled(self, variant: Variant, model: Path, mmproj: Path | None) -> None:
        """Check that no file is missing, no link leads out of the cache, and sizes are those recorded."""
        for repo in variant.also:
            if snapshot(repo) is None:
                raise ModelFilesError(f"{repo} is not on this disk.", code="model_missing")
        files = [file for file in (*part_files(model), mmproj) if file is not None and file.is_file()]
        require_inside(files, *_where_links_may_lead(variant, model))
        for file, known in pulled.files_of(variant, self._lock_file).items():
            if files and file not in files:
                continue  # a file of another variant
            if (size := size_bytes(file)) != known.size_bytes:
                raise ModelFilesError(
                    f"{file} is truncated: {size or 0:,} of {known.size_bytes:,} bytes.",
                    code="model_truncated",
                )

    def _paths(self, variant: Variant) -> tuple[Path, Path | None]:
        folder = _folder_of(variant, self._weights) or cache_folder() / variant.repo
        return folder / variant.model, None if variant.mmproj is None else folder / variant.mmproj

    def _to_pull(self, variant: Variant) -> tuple[str, str]:
        """The arguments of `viewfinder pull`: a reference, or the names of a card and its variant."""
        for reference, name in self._added.items():
            own = self._cards[name].variants[0]
            if (variant.repo, variant.model) == (own.repo, own.model):
                return reference, ""
        for card in self._cards.values():
            if (variant.repo, variant.name) in ((one.repo, one.name) for one in card.variants):
                return card.name, variant.name if len(card.variants) > 1 else ""
        return f"{HUB_PREFIX}{variant.repo}", ""

    def _read_card(self, file: Path) -> ModelCard:
        card = card_in(file, file.stat().st_mtime_ns)
        variants = (self._with_sizes(variant, card) for variant in card.variants)
        return card.model_copy(update={"variants": tuple(variants)})

    def _with_sizes(self, variant: Variant, card: ModelCard) -> Variant:
        inherited = {name: getattr(variant, name) or getattr(card, name) for name in INHERITED}
        return variant.model_copy(update={"size_bytes": self._size_of(variant), **inherited})

    def _size_of(self, variant: Variant) -> int | None:
        model, mmproj = self._paths(variant)
        return size_bytes(*part_files(model), mmproj)

    def _add(self, name: str, card: Callable[[str, T], ModelCard], what: T) -> None:
        """Add a card, when its name is valid and no other card has it."""
        if name in self._cards:
            raise BadRequest(
                f"The model name '{name}' is already taken.",
                hint="Choose another name.",
                param=f"models.{name}",
            )
        if name.startswith(OWN_PREFIXES) or not re.fullmatch(NAME, name):
            raise BadRequest(
                f"The model name {name[:100]!r} is invalid.",
                hint="Use at most 100 letters, digits and . _ : - and start with a letter or a digit; "
                f"{' and '.join(OWN_PREFIXES)} begin names of Viewfinder's own.",
                param="models",
            )
        self._cards[name] = card(name, what)

    def _card_of(self, reference: str, mmproj: Path | None) -> ModelCard:
        if not reference.startswith(HUB_PREFIX):
            path = expanded(reference).absolute()
            if not path.exists():
                raise ModelFilesError(
                    f"{path} is missing.",
                    hint=f"Check the path; a repository of the hub is written {HUB_PREFIX}owner/name.",
                    code="model_missing",
                )
            name = self._free_name(path.name if path.is_dir() else path.stem)
            return card_of_files(name, LocalModel(model=path, mmproj=mmproj))
        wanted = parse_reference(reference)
        folder = snapshot(wanted.repo, wanted.revision)
        if folder is None:
            raise FilesMissing(f"{wanted.repo} is not on this disk.", reference)
        name = Path(wanted.file).stem if wanted.file else wanted.repo.split("/")[1]
        card = card_of_repository(self._free_name(name), wanted, folder)
        require_projector_used(reference, card, mmproj)
        return card

    def _free_name(self, words: str) -> str:
        """A name that no card has yet."""
        name = name_from(words)
        most = len(self._cards) + len(self.aliases.names()) + 3
        names = (name, *(f"{name}-{number}" for number in range(2, most)))
        return next(name for name in names if name not in self._cards and name not in self.aliases)


def _folder_of(variant: Variant, weights: Path = WEIGHTS) -> Path | None:
    """The folder that the paths of a variant are relative to; None for a repository not on this disk."""
    if variant.source == "hub":
        return snapshot(variant.repo, variant.revision)
    return weights if variant.source == "package" else Path()


def is_here(variant: Variant) -> bool:
    """Whether all files that a variant needs are on this disk, judging by names; `resolve` opens them.

    Always true for a running server, which has its own files.
    """
    if variant.source == "server":
        return True
    folder = _folder_of(variant)
    if folder is None or any(snapshot(repo) is None for repo in variant.also):
        return False
    model = folder / variant.model
    if variant.mmproj is not None and not (folder / variant.mmproj).is_file():
        return False
    # A folder must have weights: of a repository with several variants, only some may be on this disk.
    if all(part.is_file() for part in part_files(model)):
        return True
    return (model / "config.json").is_file() and any(model.glob("*.safetensors"))


def _of_repository(card: ModelCard, repo: str) -> tuple[Variant, ...]:
    """The variants in a repository; the hub ignores case."""
    return tuple(variant for variant in card.variants if variant.repo.casefold() == repo.casefold())


def _where_links_may_lead(variant: Variant, path: Path) -> tuple[Path, ...]:
    """Into the hub's cache, for a snapshot in it; for any other folder only into itself."""
    if variant.source == "hub":
        return cache_folder(), repository_folder(variant.repo)
    if path.parent.name == "snapshots":  # a copy of a repository's folder in the hub's cache
        return (path.parents[1],)
    return (cache_folder(),) if path.resolve().is_relative_to(cache_folder().resolve()) else ()


def _check_pair(model: Path, mmproj: Path | None) -> None:
    """Check that all headers are valid, that the files are what they are used as, and fit together."""
    if model.is_dir():
        pair_in(model, mmproj=mmproj)  # raises what was found when the card was made
        raise ModelFilesError(f"{model} has other files than before.", hint="Run the command again.")
    require_joined([model.name])
    headers = [check_gguf(part) for part in part_files(model)]
    facts = facts_of(headers[0])
    require_model(model, facts)
    if mmproj is None:
        return
    projector = facts_of(check_gguf(mmproj))
    if projector.kind != "projector":
        raise ModelFilesError(
            f"{mmproj} is {WHAT[projector.kind]}, not an image projector.",
            hint="A projector's file usually has 'mmproj' in its name; it comes with the model.",
            code="not_a_projector",
        )
    if fits(facts, projector) is False:
        raise misfit(model, facts, mmproj, projector)
