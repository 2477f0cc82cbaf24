"""Known issues of engines, and what to do about each; read by fleet, report and `doctor`.

The list is `known_issues.toml`. The callers pass the engine and its installed version.
"""

import functools
import re
import tomllib
from pathlib import Path
from typing import Literal, Self

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, ConfigDict, Field, model_validator

_FILE = Path(__file__).with_suffix(".toml")


class KnownIssue(BaseModel):
    """One entry of the list; the head of `known_issues.toml` explains its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    code: str = Field(pattern=r"^[a-z0-9-]+$")
    kind: Literal["refuse", "prevented", "possible"]
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
        """What to do about it, with the command that does it."""
        return f"{self.remedy} Run: {self.command}" if self.command else self.remedy

    @model_validator(mode="after")
    def _can_be_used(self) -> Self:
        SpecifierSet(self.affected)
        re.compile(self.signature)
        return self

    def affects(self, engine: str, version: str) -> bool:
        """Whether this version of the engine has it; one that pip cannot parse has those of all versions."""
        return engine == self.engine and (not self.affected or is_within(version, self.affected))

    def concerns(self, model: str, model_type: str) -> bool:
        """Whether the issue can occur with a model."""
        if not self.models and not self.model_types:
            return True
        return model in self.models or model_type in self.model_types


@functools.cache
def known_issues() -> tuple[KnownIssue, ...]:
    """The whole list."""
    entries = tomllib.loads(_FILE.read_text(encoding="utf-8"))["issues"]
    return tuple(KnownIssue.model_validate(entry) for entry in entries)


def issues_of_engine(engine: str, version: str) -> list[KnownIssue]:
    """The issues of this version of an engine, with any model."""
    return [issue for issue in known_issues() if issue.affects(engine, version)]


def issues_of_model(engine: str, version: str, model: str, model_type: str = "") -> list[KnownIssue]:
    """The issues of a model on this version of an engine; `model` is the name of its card."""
    return [issue for issue in issues_of_engine(engine, version) if issue.concerns(model, model_type)]


def refusal(engine: str, version: str, model: str, model_type: str = "") -> KnownIssue | None:
    """The issue because of which a model is not started on this version of an engine."""
    found = issues_of_model(engine, version, model, model_type)
    return next((issue for issue in found if issue.kind == "refuse"), None)


def refused_by(issue: KnownIssue, engine: str, version: str) -> str:
    """Why a model is not started on this version of an engine, as a clause."""
    fixed = f", fixed in {issue.fixed_in}" if issue.fixed_in else ""
    what = issue.what.rstrip(".")
    return f"{engine} {version} has a known issue with it{fixed}: {what} ({issue.references[0]})"


def recognize(engine: str, version: str, output: str) -> KnownIssue | None:
    """The issue whose signature is in an engine's last lines of output."""
    found = issues_of_engine(engine, version)
    return next((one for one in found if one.signature and re.search(one.signature, output)), None)


def sign_of_an_issue(engine: str, line: str) -> str:
    """The part of a line that is the signature of an issue of an engine; empty when there is none."""
    for issue in known_issues():
        if issue.engine == engine and issue.signature and (sign := re.search(issue.signature, line)):
            return sign[0]
    return ""


def is_within(version: str, specifiers: str) -> bool:
    """Whether a version matches pip's specifiers; False when it cannot be parsed."""
    try:
        return SpecifierSet(specifiers).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False
