"""Model cards: one model and the variants (card, engine and files) that run it.

Made by `catalog`; read by fleet, gateway, measure and cli.
"""

import re
import tomllib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from viewfinder.core.config import RunningServer
from viewfinder.core.coordinates import CoordinateStyle
from viewfinder.core.errors import BadRequest
from viewfinder.core.request_defaults import RequestDefaults
from viewfinder.wire.placing import ImageGrid

NAME = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$"
"""A model's name: it stands in URLs, socket names and file names."""

PUBLISHERS = "see its publisher"
"""The license of a model that has no card."""
FREE = re.compile(r"(Apache|MIT|BSD|CC0|CC-BY-\d)[-.\w]*$")
"""Licenses for any use."""

INHERITED = ("cache_bytes", "coordinates")
"""Fields that a card may say once for all of its variants."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Variant(_Frozen):
    """One card on one engine with its files; measured capabilities override those declared here.

    `model` and `mmproj` are relative to the package's weights or to the repository, or absolute for the
    user's own files. For an engine that loads a whole folder, `model` is that folder.
    """

    name: str = Field(pattern=NAME)
    engine: str
    repo: str = Field(description="the model id, as its publisher writes it")
    source: Literal["package", "disk", "hub", "server"] = "package"
    revision: str = Field("", description="hub: the required commit; empty: the one that was pulled")
    model: Path = Path()
    mmproj: Path | None = None
    also: tuple[str, ...] = Field((), description="hub: other repositories it needs, such as a tokenizer's")
    quantization: str = ""
    size_bytes: int | None = Field(None, ge=0, description="of all files; None: not on this disk")
    download_bytes: int | None = Field(None, gt=0, description="hub: size of the download, as published")
    vision: bool
    text: bool
    images: int | None = Field(None, gt=0, description="the most images in one request; None: no known limit")
    context_tokens: int | None = Field(None, gt=0, description="the context length it was trained for")
    cache_bytes: int | None = Field(
        None, gt=0, description="memory of each token of the context; None: not known"
    )
    image_input_px: int | None = Field(None, gt=0, description="longest edge of the model's own input")
    image_pixels: int | None = Field(
        None, gt=0, description="the most pixels of one image that it makes use of; None: not known"
    )
    image_lever: Literal["pixels", "image_tokens"] = Field(
        "pixels", description="how an image budget is set: by the picture's size, or by an engine option"
    )
    image_budgets: tuple[int, ...] = Field(
        (64, 256),
        description="numbers of image tokens to compare with the engine's default, ascending",
    )
    coordinates: CoordinateStyle | None = Field(
        None, description="how it writes boxes and points, if its card does not say; None: not known"
    )
    image_grid: ImageGrid | None = Field(
        None, description="how its engine resizes a picture; None: not known, or to tiles of one size"
    )
    chat_template: str | None = Field(None, description="None: the one in the model's file")
    model_type: str = Field("", description="as in its config.json; known issues refer to it")
    remote_code: bool = Field(False, description="runs Python from its repository; requires `revision`")
    server: RunningServer | None = Field(None, description="a running server, which has the files")
    not_served: str = Field("", description="why it is listed but not served")


class ModelCard(_Frozen):
    """One model, under the name that people and requests use."""

    name: str = Field(pattern=NAME)
    title: str
    license: str
    summary: str
    purpose: str = Field("", max_length=18, description="what it is for, in two or three words")
    variants: tuple[Variant, ...] = Field(min_length=1)
    year: int | None = Field(None, ge=2020, le=2099, description="when it came out; None: the user's own")
    replaced_by: tuple[str, ...] = Field(
        (), description="names of newer cards to use instead, best first; empty: it is current"
    )
    cache_bytes: int | None = Field(
        None, gt=0, description="memory of each token of the context, of its variants; None: not known"
    )
    coordinates: CoordinateStyle | None = Field(
        None, description="how its variants write boxes and points; None: in no known way"
    )
    published_as: str | None = Field(None, description="the model name of its row in `published.toml`")
    prefer: tuple[str, ...] = Field(
        (), description="engines, best first, where this model needs another order than the machine's"
    )
    short_answer: str = Field(
        "Answer the question using a single word or phrase.",
        description="the instruction after a question of `bench --vqa`, in the words of its training",
    )
    quirks: tuple[str, ...] = Field((), description="facts that its users should know, a sentence each")
    limits: str = Field(
        "", description="what it knows and what not, as the end of a sentence; empty: no such"
    )
    defaults: RequestDefaults = Field(
        RequestDefaults(), description="what a request gets where it says nothing, unless the settings differ"
    )
    checked: str = Field("", description="which facts of this card were verified, and where")

    @model_validator(mode="after")
    def _is_dated(self) -> Self:
        if self.replaced_by and self.year is None:
            raise ValueError("A card that was replaced needs its year.")
        if self.name in self.replaced_by or len(set(self.replaced_by)) < len(self.replaced_by):
            raise ValueError("`replaced_by` names other cards, each once.")
        return self

    def variant(self, name: str | None = None) -> Variant:
        """The variant called `name`, or the card's first; BadRequest when there is no such variant."""
        for variant in self.variants:
            if name in (None, variant.name):
                return variant
        raise BadRequest(
            f"'{self.name}' has no variant '{str(name)[:100]}'.",
            hint=f"It has: {', '.join(variant.name for variant in self.variants)}.",
            param="variant",
        )

    @property
    def short_license(self) -> str:
        """The license in a word, with "*" where it has conditions; "?" where its publisher says it."""
        if self.license == PUBLISHERS:
            return "?"
        return self.license if FREE.match(self.license) else f"{self.license.split()[0]}*"

    def narrowed(self, variants: Iterable[Variant]) -> "ModelCard":
        """This card with only these variants: the ones that a request may be served by."""
        chosen = tuple(variants)
        return self if chosen == self.variants else self.model_copy(update={"variants": chosen})


@lru_cache(256)
def card_in(file: Path, changed_ns: int) -> ModelCard:
    """The card of a file that was last changed then; kept, because all that are in the package take 50 ms,
    and each reload, each list of models and most tests open the catalog again."""
    return ModelCard.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))


def age(year: int | None, replaced_by: Iterable[str]) -> str:
    """The year of a model and what to use instead, in words; empty for the user's own."""
    replaced = " or ".join(replaced_by)
    return f"{year}{', replaced by ' if replaced else ''}{replaced}" if year else ""
