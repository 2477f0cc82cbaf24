"""The published report that the guide replaces, as data; the guide shows its figures beside measured ones.

The figures are kept as they were printed (`Decimal`, so that 6.20 stays 6.20) and never corrected.
"""

import functools
import tomllib
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, ConfigDict

_FILE = Path(__file__).with_suffix(".toml")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class PublishedModel(_Frozen):
    """One row of the report's overview."""

    model: str
    model_id: str
    engine: str
    vision: bool
    text: bool
    average_inference_s: Decimal
    load_s: Decimal
    memory_difference_gb: Decimal
    status: str


class Published(_Frozen):
    """The whole report; `caveats` say why its figures are not comparable with measured ones."""

    title: str
    date: str
    environment: str
    claims: tuple[str, ...]
    known_issues: tuple[str, ...]
    caveats: tuple[str, ...]
    models: tuple[PublishedModel, ...]


@functools.cache
def published() -> Published:
    """The report of 2025-07-28."""
    return Published.model_validate(tomllib.loads(_FILE.read_text(encoding="utf-8")))
