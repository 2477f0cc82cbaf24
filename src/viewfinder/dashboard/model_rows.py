"""One row for each model: what is known of it, its state, and what can be done with it; used by `models`."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Self

from viewfinder.fleet.listing import ModelLine
from viewfinder.fleet.process.states import REST
from viewfinder.fleet.view import ServerView

ShownModels = Literal["all", "here", "fits", "measured"]
SHOWN_MODELS: dict[ShownModels, str] = {
    "all": "all models",
    "here": "on this computer",
    "fits": "that fit now",
    "measured": "measured here",
}
MOST_CHARS = 100


@dataclass(frozen=True, slots=True)
class ModelRow:
    """`can_load`, `can_pull` and `is_up` say which buttons it has."""

    line: ModelLine
    server: ServerView | None
    is_pulling: bool

    @property
    def name(self) -> str:
        return self.line.name

    @property
    def is_up(self) -> bool:
        return self.server is not None and self.server.state not in REST

    @property
    def is_pinned(self) -> bool:
        return self.server is not None and self.server.pinned

    @property
    def can_load(self) -> bool:
        return self.line.ready and not self.is_up

    @property
    def can_pull(self) -> bool:
        return not self.line.here and self.line.runs and "viewfinder pull" in self.line.note

    @property
    def fit(self) -> str:
        """Whether it can be loaded into the memory of this computer, in words."""
        if not self.line.runs:
            return "no engine here runs it"
        if self.is_up:
            return "fits"
        if self.line.fits is None:
            return "its size is not known"
        if not self.line.fits:
            return "too large for this computer"
        return "fits now" if self.line.fits_now else "fits, but not beside what takes the memory now"

    @property
    def trouble(self) -> str:
        """Why it cannot be loaded, where that is not that its files are not here."""
        return "" if self.line.ready or self.can_pull else self.line.note


@dataclass(frozen=True, slots=True)
class ModelFilter:
    """What the form of the page asks for; everything else in it is ignored."""

    words: str = ""
    wanted: ShownModels = "all"

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        everything: ShownModels = "all"
        wanted = next((one for one in SHOWN_MODELS if one == query.get("show")), everything)
        return cls(query.get("q", "").strip()[:MOST_CHARS], wanted)

    @property
    def choices(self) -> dict[ShownModels, str]:
        """Every value of `wanted`, in words."""
        return SHOWN_MODELS

    @property
    def is_all(self) -> bool:
        return not self.words and self.wanted == "all"

    def has(self, row: ModelRow) -> bool:
        line = row.line
        texts = (line.name, line.title, line.purpose, line.license, line.engine, line.measured, *line.aliases)
        text = " ".join(texts).casefold()
        is_wanted = {
            "all": True,
            "here": line.here,
            "fits": line.runs and (row.is_up or bool(line.fits_now)),
            "measured": bool(line.measured),
        }[self.wanted]
        return is_wanted and all(word in text for word in self.words.casefold().split())


def model_rows(
    lines: Iterable[ModelLine], servers: Mapping[str, ServerView], pulling: Collection[str]
) -> list[ModelRow]:
    return [row_of(line, servers, pulling) for line in lines]


def row_of(line: ModelLine, servers: Mapping[str, ServerView], pulling: Collection[str]) -> ModelRow:
    return ModelRow(line, servers.get(line.name), line.name in pulling)
