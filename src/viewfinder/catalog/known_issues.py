"""What is known to be wrong with engines, and what is done about it; read by fleet, guide and `doctor`.

The list is `known_issues.toml`. Nothing here knows which engine is installed: the callers say.
"""

import functools
import re
import tomllib
from pathlib import Path
from typing import Literal

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, ConfigDict, Field, field_validator

FILE = Path(__file__).with_suffix(".toml")


class KnownIssue(BaseModel):
    """One entry of the list; the head of `known_issues.toml` explains its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    code: str = Field(pattern=r"^[a-z0-9-]+$")
    kind: Literal["refuse", "applied", "told"]
    engine: str
    affected: str = ""
    fixed_in: str = ""
    models: tuple[str, ...] = ()
    model_types: tuple[str, ...] = ()
    signature: str = ""
    what: str
    remedy: str
    command: str = ""
    references: tuple[str, ...] = Field(min_length=1)

    @property
    def hint(self) -> str:
        """What to do about it, with the line that does it."""
        return f"{self.remedy} Run: {self.command}" if self.command else self.remedy

    @field_validator("affected")
    @classmethod
    def _is_specifiers(cls, affected: str) -> str:
        SpecifierSet(affected)
        return affected

    @field_validator("signature")
    @classmethod
    def _is_expression(cls, signature: str) -> str:
        re.compile(signature)
        return signature

    def affects(self, engine: str, version: str) -> bool:
        """Whether this version of the engine has it; one that pip cannot read has only what all have."""
        if engine != self.engine:
            return False
        return not self.affected or is_within(version, self.affected)

    def concerns(self, model: str, model_type: str) -> bool:
        """Whether a model can meet it."""
        if not self.models and not self.model_types:
            return True
        return model in self.models or model_type in self.model_types


@functools.cache
def known_issues() -> tuple[KnownIssue, ...]:
    """The whole list."""
    entries = tomllib.loads(FILE.read_text(encoding="utf-8"))["issues"]
    return tuple(KnownIssue.model_validate(entry) for entry in entries)


def issues_of_engine(engine: str, version: str) -> list[KnownIssue]:
    """All that this version of an engine has, whichever models can meet it."""
    return [issue for issue in known_issues() if issue.affects(engine, version)]


def issues_of_model(engine: str, version: str, model: str, model_type: str = "") -> list[KnownIssue]:
    """All that a model can meet on this version of an engine; `model` is the name of its card."""
    return [issue for issue in issues_of_engine(engine, version) if issue.concerns(model, model_type)]


def refusal(engine: str, version: str, model: str, model_type: str = "") -> KnownIssue | None:
    """The issue for which a model is not started on this version of an engine."""
    found = issues_of_model(engine, version, model, model_type)
    return next((issue for issue in found if issue.kind == "refuse"), None)


def refused_by(issue: KnownIssue, engine: str, version: str) -> str:
    """Why an issue keeps a model from this version of an engine, as a clause."""
    mended = f", fixed in {issue.fixed_in}" if issue.fixed_in else ""
    what = issue.what.rstrip(".")
    return f"{engine} {version} has a known issue with it{mended}: {what} ({issue.references[0]})"


def recognize(engine: str, version: str, words: str) -> KnownIssue | None:
    """The issue that an engine's last words speak of."""
    found = issues_of_engine(engine, version)
    return next((one for one in found if one.signature and re.search(one.signature, words)), None)


def is_within(version: str, specifiers: str) -> bool:
    """Whether a version is one of those that pip's specifiers mean; False when it is no such version."""
    try:
        return SpecifierSet(specifiers).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False
