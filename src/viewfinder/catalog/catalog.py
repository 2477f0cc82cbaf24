"""Which models exist here: the built-in cards and the user's own files.

Made once by api; fleet, gateway and cli look models up in it.
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from viewfinder.catalog.card import NAME, ModelCard, Variant
from viewfinder.catalog.headers import GGUFHeader, check_gguf
from viewfinder.catalog.hub import cache_folder, snapshot
from viewfinder.core.config import LocalModel, RunningServer
from viewfinder.core.errors import BadRequest, ModelFilesError, UnknownModel

CARDS = Path(__file__).parent / "cards"
WEIGHTS = Path(__file__).parent / "weights"
LLAMA_CPP = "llama.cpp"
ENDPOINT = "endpoint"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of one variant, `model` a file or a folder; they exist and their headers are sound."""

    model: Path
    mmproj: Path | None = None

    @property
    def size_bytes(self) -> int:
        return _size_bytes(self.model, self.mmproj) or 0


class Catalog:
    """Every card by its name; `extra` and `endpoints` are what the user's settings add.

    `wanted` names the one variant of a model that may be used, for models where the user chose.
    """

    def __init__(
        self,
        extra: Mapping[str, LocalModel] | None = None,
        endpoints: Mapping[str, RunningServer] | None = None,
        *,
        wanted: Mapping[str, str] | None = None,
        weights: Path = WEIGHTS,
    ) -> None:
        self._weights = weights
        self._cards = {card.name: card for card in map(self._read_card, sorted(CARDS.glob("*.toml")))}
        for name, local in (extra or {}).items():
            self._add(name, _local_card, local)
        for name, server in (endpoints or {}).items():
            self._add(name, _server_card, server)
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

    def resolve(self, variant: Variant) -> ModelFiles:
        """Where the variant's files are; ModelFilesError when one is missing, truncated or the wrong one.

        The files of a server that runs already are its own business.
        """
        if variant.source == "server":
            return ModelFiles(Path())
        model, mmproj = self._paths(variant)
        for file in filter(None, (model, mmproj)):
            if not file.exists():
                raise ModelFilesError(
                    f"{variant.repo} is not on this disk."
                    if variant.source == "hub"
                    else f"{file} is missing.",
                    hint=self._where_from(variant),
                    code="model_missing",
                )
        if variant.engine == LLAMA_CPP:
            _check_pair(model, mmproj)
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

    def _paths(self, variant: Variant) -> tuple[Path, Path | None]:
        folder = Path()
        if variant.source == "package":
            folder = self._weights
        elif variant.source == "hub":
            folder = snapshot(variant.repo, variant.revision) or cache_folder() / variant.repo
        return folder / variant.model, None if variant.mmproj is None else folder / variant.mmproj

    def _where_from(self, variant: Variant) -> str:
        if variant.source == "package":
            return "The package is incomplete; install it again."
        if variant.source == "disk":
            return "Check the path in your settings or on the command line."
        name = next(card.name for card in self._cards.values() if variant in card.variants)
        return f"Run: viewfinder pull {name}"

    def _read_card(self, file: Path) -> ModelCard:
        card = ModelCard.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
        return card.model_copy(update={"variants": tuple(map(self._with_size, card.variants))})

    def _with_size(self, variant: Variant) -> Variant:
        return variant.model_copy(update={"size_bytes": _size_bytes(*self._paths(variant))})

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


def _local_card(name: str, local: LocalModel) -> ModelCard:
    """A card of one llama.cpp variant; what cannot be read yet is said when the model is loaded."""
    model, mmproj = _absolute(local.model), local.mmproj and _absolute(local.mmproj)
    header, projector = _header_or_none(model), _header_or_none(mmproj)
    variant = Variant(
        name=LLAMA_CPP,
        engine=LLAMA_CPP,
        repo=model.name,
        source="disk",
        model=model,
        mmproj=mmproj,
        quantization=header.quantization if header else "",
        size_bytes=_size_bytes(model, mmproj),
        vision=mmproj is not None and _sees(projector),
        text=True,
        image_input_px=_image_input_px(projector),
    )
    return ModelCard(
        name=name,
        title=name,
        license="see its publisher",
        summary=f"Your own files: {model.name}.",
        variants=(variant,),
    )


def _server_card(name: str, server: RunningServer) -> ModelCard:
    """A card of one variant that somebody else serves; what it can do is taken on trust until measured."""
    variant = Variant(
        name=ENDPOINT,
        engine=ENDPOINT,
        repo=server.model,
        source="server",
        server=server,
        vision=server.vision,
        text=server.text,
    )
    return ModelCard(
        name=name,
        title=f"{server.model} at {server.root}",
        license="see its publisher",
        summary="A server that Viewfinder did not start.",
        variants=(variant,),
    )


def _of_repository(card: ModelCard, repo: str) -> tuple[Variant, ...]:
    """The variants that live in a repository; the hub does not tell upper case from lower."""
    return tuple(variant for variant in card.variants if variant.repo.casefold() == repo.casefold())


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


def _absolute(file: Path) -> Path:
    """Engines run in other folders than the person who named the file."""
    return file.expanduser().absolute()


def _header_or_none(file: Path | None) -> GGUFHeader | None:
    try:
        return None if file is None else check_gguf(file)
    except ModelFilesError:
        return None


def _sees(projector: GGUFHeader | None) -> bool:
    """False for a projector that says it has no vision encoder (one for sound only)."""
    return projector is None or projector.values.get("clip.has_vision_encoder", True) is True


def _image_input_px(projector: GGUFHeader | None) -> int | None:
    """The longest edge that an image is scaled to: the tiled models' own, else one tile's."""
    if projector is None:
        return None
    for key in ("clip.vision.preproc_image_size", "clip.vision.image_size"):
        edge = projector.values.get(key)
        if isinstance(edge, int) and edge > 0:
            return edge
    return None


def _size_bytes(*places: Path | None) -> int | None:
    """What files and folders weigh together, or None when one of them is not here."""
    try:
        return sum(_weight(place) for place in places if place is not None)
    except OSError:
        return None


def _weight(place: Path) -> int:
    if not place.is_dir():
        return place.stat().st_size
    return sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
