"""What a model card says: one model and the variants (card, engine and files) that run it.

Made by `catalog`; read by fleet, gateway, bench and cli.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from viewfinder.core.config import RunningServer

NAME = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$"
"""A model's name: it stands in URLs, socket names and file names."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Variant(_Frozen):
    """One card on one engine with its files; what `bench` measures overrides what is declared here.

    `model` and `mmproj` are relative to the package's weights or to the repository, or absolute for files
    of the user. An engine that loads a whole folder has its folder as `model`.
    """

    name: str = Field(pattern=NAME)
    engine: str
    repo: str = Field(description="the model id, as its publisher writes it")
    source: Literal["package", "disk", "hub", "server"] = "package"
    revision: str = Field("", description="hub: the commit that is wanted; empty: the one that was pulled")
    model: Path = Path()
    mmproj: Path | None = None
    also: tuple[str, ...] = Field((), description="hub: other repositories that it needs, a tokenizer's")
    quantization: str = ""
    size_bytes: int | None = Field(None, ge=0, description="of all files; None: they are not here")
    download_bytes: int | None = Field(None, gt=0, description="hub: what pulling brings, as published")
    vision: bool
    text: bool
    images: int | None = Field(None, gt=0, description="the most images in one request; None: no cap known")
    context_tokens: int | None = Field(None, gt=0, description="what the model was trained for")
    image_input_px: int | None = Field(None, gt=0, description="longest edge of the model's own input")
    image_lever: Literal["pixels", "image_tokens"] = Field(
        "pixels", description="what an image budget is set by: the picture's size, or the engine's option"
    )
    image_budgets: tuple[int, ...] = Field(
        (64, 256),
        description="image tokens to compare with the engine's own number, least first, by that lever",
    )
    chat_template: str | None = Field(None, description="None: the one in the model's file")
    model_type: str = Field("", description="of its config.json; known issues of engines go by it")
    remote_code: bool = Field(False, description="runs Python from its repository; `revision` is a must")
    server: RunningServer | None = Field(None, description="one that runs already; it has the files")
    not_served: str = Field("", description="why it is listed and yet not served")


class ModelCard(_Frozen):
    """One model, by the name that a person and a request use."""

    name: str = Field(pattern=NAME)
    title: str
    license: str
    summary: str
    variants: tuple[Variant, ...] = Field(min_length=1)
    published_as: str | None = Field(None, description="its row's model name in `published.toml`")
    prefer: tuple[str, ...] = Field(
        (), description="engines, best first, where this model's order is not the machine's"
    )
    short_answer: str = Field(
        "Answer the question using a single word or phrase.",
        description="what follows a question of `bench --vqa`, as this model was trained to hear it",
    )
    quirks: tuple[str, ...] = Field((), description="what its users should know, a sentence each")
    checked: str = Field("", description="what of this card was verified, and where")

    def variant(self, name: str | None = None) -> Variant:
        """The variant called `name`, or the card's first; KeyError when there is none such."""
        if name is None:
            return self.variants[0]
        return {variant.name: variant for variant in self.variants}[name]

    def narrowed(self, variants: Iterable[Variant]) -> "ModelCard":
        """This card with some of its variants only: those that a request's words leave to choose from."""
        return self.model_copy(update={"variants": tuple(variants)})
