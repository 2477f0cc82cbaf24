"""Which models exist here, and whether their files are whole: the built-in cards and the user's own.

Made once by api; fleet, gateway and cli look models up in it. Nothing is ever fetched here.
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from viewfinder.catalog import pulled
from viewfinder.catalog.card import NAME, ModelCard, Variant
from viewfinder.catalog.folder import check_folder, require_inside
from viewfinder.catalog.headers import check_gguf
from viewfinder.catalog.hub import cache_folder, repository_folder, snapshot
from viewfinder.catalog.uncarded import (
    FOLDER_ENGINES,
    HUB_PREFIX,
    LLAMA_CPP,
    card_of_files,
    card_of_repository,
    card_of_server,
    name_from,
    parse_reference,
    size_bytes,
)
from viewfinder.core.config import LocalModel, RunningServer
from viewfinder.core.errors import BadRequest, FilesMissing, ModelFilesError, UnknownModel

CARDS = Path(__file__).parent / "cards"
WEIGHTS = Path(__file__).parent / "weights"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of one variant, `model` a file or a folder; they exist and their headers are sound."""

    model: Path
    mmproj: Path | None = None

    @property
    def size_bytes(self) -> int:
        return size_bytes(self.model, self.mmproj) or 0


class Catalog:
    """Every card by its name; `extra` and `endpoints` are what the user's settings add.

    `wanted` names the one variant of a model that may be used, for models where the user chose; `lock_file`
    is the record of what was pulled, with which the files of the hub are compared.
    """

    def __init__(
        self,
        extra: Mapping[str, LocalModel] | None = None,
        endpoints: Mapping[str, RunningServer] | None = None,
        *,
        wanted: Mapping[str, str] | None = None,
        weights: Path = WEIGHTS,
        lock_file: Path | None = None,
    ) -> None:
        self._weights = weights
        self._lock_file = lock_file
        self._added: dict[str, str] = {}
        self._cards = {card.name: card for card in map(self._read_card, sorted(CARDS.glob("*.toml")))}
        for name, local in (extra or {}).items():
            self._add(name, card_of_files, local)
        for name, server in (endpoints or {}).items():
            self._add(name, card_of_server, server)
        self._wanted = dict(self._wish(name, variant) for name, variant in (wanted or {}).items())

    def names(self) -> list[str]:
        return list(self._cards)

    def cards(self) -> list[ModelCard]:
        """All cards with all of their variants."""
        return list(self._cards.values())

    def card(self, name: str) -> ModelCard:
        """The whole card of a model, by its name or by the id of one of its repositories.

        Raises UnknownModel, with names that come close, when there is none.
        """
        if name in self._cards:
            return self._cards[name]
        for card in self._cards.values():
            if _of_repository(card, name):
                return card
        close = difflib.get_close_matches(name[:100], self._cards, n=3, cutoff=0.5)
        meant = f"Did you mean {' or '.join(close)}? " if close else ""
        shown = name if len(name) <= 100 else f"{name[:100]}..."
        raise UnknownModel(
            f"There is no model named {shown!r}.",
            hint=f"{meant}`viewfinder models` and GET /v1/models list what is here.",
            param="model",
        )

    def get(self, name: str) -> ModelCard:
        """The card that `name` means, with those of its variants that may be used for it.

        A repository's id ("mlx-community/llava-v1.6-mistral-7b-4bit") leaves the variants of that
        repository; of what is left, the one that the user wants. Raises UnknownModel.
        """
        card = self.card(name)
        variants = self._named(card, name)
        wanted = [variant for variant in variants if variant.name == self._wanted.get(card.name)]
        return card.narrowed(wanted or variants)

    def add(self, reference: str) -> ModelCard:
        """The card of what the words point at: `hf:owner/name[@revision]`, a model folder or a .gguf file.

        For the words of a person at this computer alone (command line, Python): a request's are looked up by
        `get`, which knows nothing of disks and hubs. Raises BadRequest, FilesMissing, ModelFilesError.
        """
        if reference not in self._added:
            card = self._card_of(reference)
            self._cards[card.name] = card
            self._added[reference] = card.name
            try:
                self.resolve(card.variants[0])
            except ModelFilesError:
                del self._cards[card.name], self._added[reference]
                raise
        return self._cards[self._added[reference]]

    def was_added(self, card: ModelCard) -> bool:
        """Whether the card was made by `add`, and its name is known here alone."""
        return card.name in self._added.values()

    def resolve(self, variant: Variant) -> ModelFiles:
        """Where the variant's files are.

        The files of a server that runs already are its own business. Raises ModelFilesError when one is
        truncated or the wrong one, FilesMissing when pulling mends that.
        """
        if variant.source == "server":
            return ModelFiles(Path())
        try:
            return self._resolved(variant)
        except ModelFilesError as error:
            if variant.source == "hub" and error.reason in ("model_missing", "model_truncated"):
                raise FilesMissing(error.message, *self._to_pull(variant), code=error.reason) from None
            raise

    def _resolved(self, variant: Variant) -> ModelFiles:
        model, mmproj = self._paths(variant)
        for file in filter(None, (model, mmproj)):
            if not file.exists():
                raise ModelFilesError(
                    f"{variant.repo} is not on this disk."
                    if variant.source == "hub"
                    else f"{file} is missing.",
                    hint="The package is incomplete; install it again."
                    if variant.source == "package"
                    else "Check the path in your settings or on the command line.",
                    code="model_missing",
                )
        if variant.source == "hub":
            self._check_pulled(variant, model, mmproj)
        if variant.engine == LLAMA_CPP:
            _check_pair(model, mmproj)
        elif variant.engine in FOLDER_ENGINES:
            check_folder(model, *_where_links_may_lead(variant, model))
        return ModelFiles(model, mmproj)

    def _wish(self, name: str, variant: str) -> tuple[str, str]:
        """A wish under the card's own name, whatever it was called; BadRequest for one that cannot be."""
        card = self.card(name)
        among = [one.name for one in self._named(card, name)]
        if variant not in among:
            raise BadRequest(
                f"'{name}' has no variant {variant[:100]!r}.",
                hint=f"Its variants: {', '.join(among)}.",
                param=f"variants.{name}",
            )
        return card.name, variant

    @staticmethod
    def _named(card: ModelCard, name: str) -> tuple[Variant, ...]:
        """The variants that a name leaves: all of a card's own name, else those of a repository."""
        return card.variants if name == card.name else _of_repository(card, name)

    def _check_pulled(self, variant: Variant, model: Path, mmproj: Path | None) -> None:
        """Nothing is missing, no link leads out of the cache, and sizes are those that were pulled."""
        for repo in variant.also:
            if snapshot(repo) is None:
                raise ModelFilesError(f"{repo} is not on this disk.", code="model_missing")
        files = [file for file in (model, mmproj) if file is not None and file.is_file()]
        require_inside(files, *_where_links_may_lead(variant, model))
        folder = snapshot(variant.repo, variant.revision)
        if folder is None or self._lock_file is None:
            return
        for path, known in pulled.read(self._lock_file).files(variant.repo, folder.name).items():
            file = folder / path
            if files and file not in files:
                continue  # another variant's
            if (size := size_bytes(file)) != known.size_bytes:
                raise ModelFilesError(
                    f"{file} is truncated: {size or 0:,} of {known.size_bytes:,} bytes.",
                    code="model_truncated",
                )

    def _paths(self, variant: Variant) -> tuple[Path, Path | None]:
        folder = Path()
        if variant.source == "package":
            folder = self._weights
        elif variant.source == "hub":
            folder = snapshot(variant.repo, variant.revision) or cache_folder() / variant.repo
        return folder / variant.model, None if variant.mmproj is None else folder / variant.mmproj

    def _to_pull(self, variant: Variant) -> tuple[str, str]:
        """The words after `viewfinder pull`: a reference, or a card's name and its variant's."""
        for reference, name in self._added.items():
            if variant.repo == self._cards[name].variants[0].repo:
                return reference, ""
        for card in self._cards.values():
            if (variant.repo, variant.name) in ((one.repo, one.name) for one in card.variants):
                return card.name, variant.name if len(card.variants) > 1 else ""
        return f"{HUB_PREFIX}{variant.repo}", ""

    def _read_card(self, file: Path) -> ModelCard:
        card = ModelCard.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
        return card.model_copy(update={"variants": tuple(map(self._with_size, card.variants))})

    def _with_size(self, variant: Variant) -> Variant:
        return variant.model_copy(update={"size_bytes": size_bytes(*self._paths(variant))})

    def _add(self, name: str, card: Callable[[str, T], ModelCard], what: T) -> None:
        """One more card, when no other has its name and a model can have it."""
        if name in self._cards:
            raise BadRequest(
                f"The model name '{name}' is taken by another model.",
                hint="Choose another name.",
                param=f"models.{name}",
            )
        if not re.fullmatch(NAME, name):
            raise BadRequest(
                f"The model name {name[:100]!r} cannot be used.",
                hint="Use at most 100 letters, digits and . _ : - and begin with a letter or a digit.",
                param="models",
            )
        self._cards[name] = card(name, what)

    def _card_of(self, reference: str) -> ModelCard:
        if not reference.startswith(HUB_PREFIX):
            place = Path(reference).expanduser().absolute()
            if not place.exists():
                raise ModelFilesError(
                    f"{place} is missing.",
                    hint=f"Check the path; a repository of the hub is written {HUB_PREFIX}owner/name.",
                    code="model_missing",
                )
            name = place.name if place.is_dir() else place.stem
            return card_of_files(self._free_name(name), LocalModel(model=place))
        wanted = parse_reference(reference)
        folder = snapshot(wanted.repo, wanted.revision)
        if folder is None:
            raise FilesMissing(f"{wanted.repo} is not on this disk.", reference)
        return card_of_repository(self._free_name(wanted.repo.split("/")[1]), wanted, folder)

    def _free_name(self, words: str) -> str:
        """A name that no card has yet."""
        name = name_from(words)
        names = (name, *(f"{name}-{number}" for number in range(2, len(self._cards) + 3)))
        return next(name for name in names if name not in self._cards)


def _of_repository(card: ModelCard, repo: str) -> tuple[Variant, ...]:
    """The variants that live in a repository; the hub does not tell upper case from lower."""
    return tuple(variant for variant in card.variants if variant.repo.casefold() == repo.casefold())


def _where_links_may_lead(variant: Variant, place: Path) -> tuple[Path, ...]:
    """The hub's cache, whose snapshots are links into it; of other folders nowhere but into themselves."""
    if variant.source == "hub":
        return cache_folder(), repository_folder(variant.repo)
    return (cache_folder(),) if place.resolve().is_relative_to(cache_folder().resolve()) else ()


def _check_pair(model: Path, mmproj: Path | None) -> None:
    """Both headers are sound, and neither file stands in the other's place."""
    if check_gguf(model).is_projector:
        raise ModelFilesError(
            f"{model} is an image projector, not a language model.",
            hint="Give the language model's file first and this one as --mmproj.",
        )
    if mmproj is not None and not check_gguf(mmproj).is_projector:
        raise ModelFilesError(
            f"{mmproj} is not an image projector.",
            hint="A projector's file usually has 'mmproj' in its name; it comes with the model.",
        )
