"""What is listed of models: one line for each, its variants, its card, and which to try first.

Made by `api/models`; shown by `viewfinder models` and by the pages of `dashboard`.
"""

from dataclasses import dataclass

from viewfinder.catalog.card import age


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One row of the model list: the variant that a request would use here, or the card's first.

    `ready` says that it can be loaded now, `note` why not; `runs`: an engine for it is installed. `fits` is
    about what models may use of this machine's memory, `fits_now` also about what is free; None when the size
    is not known. `size_bytes` is that of the files here, else of the download. `needs_bytes` is memory, as
    measured at an earlier start here (`needs_measured`) or estimated. `measured` is the status that `bench`
    found here, empty: nothing yet. `purpose` is a few words, `limits` what it does not know. `aliases` are
    its other names in the settings, `replaced_by` the names of newer models to use instead.
    """

    name: str
    title: str
    variant: str
    engine: str
    vision: bool
    text: bool
    size_bytes: int | None
    fits: bool | None
    here: bool
    ready: bool
    why: str
    note: str
    aliases: tuple[str, ...] = ()
    year: int | None = None
    replaced_by: tuple[str, ...] = ()
    purpose: str = ""
    license: str = ""
    short_license: str = ""
    limits: str = ""
    needs_bytes: int | None = None
    needs_measured: bool = False
    fits_now: bool | None = None
    runs: bool = True
    measured: str = ""

    @property
    def age(self) -> str:
        """The year and what to use instead, in words; empty for the user's own."""
        return age(self.year, self.replaced_by)


@dataclass(frozen=True, slots=True)
class VariantLine:
    """One variant of a model; `why` says why it is chosen or not. See `ModelLine` for the others."""

    model: str
    variant: str
    engine: str
    version: str
    model_id: str
    quantization: str
    vision: bool
    text: bool
    size_bytes: int | None
    needs_bytes: int | None
    fits: bool | None
    here: bool
    chosen: bool
    why: str
    needs_measured: bool = False
    fits_now: bool | None = None
    measured: str = ""


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """A model's card in words, for a person; `license` is the whole of it."""

    name: str
    title: str
    summary: str
    license: str
    age: str
    limits: str
    quirks: tuple[str, ...]
    checked: str


@dataclass(frozen=True, slots=True)
class FirstChoice:
    """`uses` are "pictures", "text" or both; `command` is the next one to type."""

    uses: tuple[str, ...]
    model: str
    reason: str
    command: str
    measured: bool = False
