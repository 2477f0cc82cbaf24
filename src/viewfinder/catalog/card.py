"""What a model card says: one model and the variants (card, engine and files) that run it.

Made by `catalog`; read by fleet, gateway, bench and cli.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

NAME = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$"
"""A model's name: it stands in URLs, socket names and file names."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Variant(_Frozen):
    """One card on one engine with its files; what `bench` measures overrides what is declared here.

    `model` and `mmproj` are relative to the package's weights, or absolute for files of the user.
    """

    name: str = Field(pattern=NAME)
    engine: str
    repo: str = Field(description="the model id, as its publisher writes it")
    source: Literal["package", "disk"] = "package"
    model: Path
    mmproj: Path | None = None
    quantization: str = ""
    size_bytes: int | None = Field(None, ge=0, description="of all files; None: they are not here")
    vision: bool
    text: bool
    image_input_px: int | None = Field(None, gt=0, description="longest edge of the model's own input")
    chat_template: str | None = Field(None, description="None: the one in the model's file")


class ModelCard(_Frozen):
    """One model, by the name that a person and a request use."""

    name: str = Field(pattern=NAME)
    title: str
    license: str
    summary: str
    variants: tuple[Variant, ...] = Field(min_length=1)
    published_as: str | None = Field(None, description="its row's model name in `published.toml`")

    def variant(self, name: str | None = None) -> Variant:
        """The variant called `name`, or the card's first; KeyError when there is none such."""
        if name is None:
            return self.variants[0]
        return {variant.name: variant for variant in self.variants}[name]
