"""The environment variables VIEWFINDER_*: which mean something, and which are reported because they do not.

Called by `core/config`.
"""

import difflib
import logging
import os
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

PREFIX = "VIEWFINDER_"
NESTED = "__"
"""Between the name of a table and that of a setting in it."""
OTHER_VARIABLES = (
    "VIEWFINDER_HOME",
    "VIEWFINDER_CONFIG",
    "VIEWFINDER_ENDPOINT_KEY",
    "VIEWFINDER_TREE",
    "VIEWFINDER_OWNER",
)
"""Those that are no settings, in this spelling only; the last one marks the processes that we start."""
_ORCHESTRATORS = re.compile(
    r"VIEWFINDER_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?|TEST_\w+)", re.ASCII
)
"""What Kubernetes and Docker give to a container beside a service named "viewfinder"; and our own tests'."""
_SERVICE_PORT = re.compile(r"(tcp|udp|sctp)://")
_log = logging.getLogger(__name__)


def is_service_link(name: str, value: str | None) -> bool:
    """Whether the value is an orchestrator's address of a service named "viewfinder", and not our port."""
    return name.upper() == "VIEWFINDER_PORT" and _SERVICE_PORT.match(value or "") is not None


def report_unknown(settings: type[BaseModel]) -> None:
    """Log every VIEWFINDER_ variable that means nothing, once, with the nearest one that does."""
    known, tables = _names(settings), _open_tables(settings)
    for name in os.environ:
        upper = name.upper()
        if not upper.startswith(PREFIX) or name in OTHER_VARIABLES or _ORCHESTRATORS.fullmatch(name):
            continue
        # A name in a known table that does not exist there is an error of the settings themselves.
        if upper not in known and not upper.startswith(tables):
            _report(name, nearest(upper, [*known, *OTHER_VARIABLES]))


def variable_of(path: tuple[str | int, ...], environment: Mapping[str, str]) -> str:
    """The variable that sets what is at this path of the settings, or the table around it; "" for none."""
    given = {name.upper(): name for name in environment if environment[name]}
    for length in range(len(path), 0, -1):
        wanted = PREFIX + NESTED.join(map(str, path[:length])).upper()
        if wanted in given:
            return given[wanted]
    return ""


def nearest(word: str, known: Collection[str]) -> str:
    """The known word that is most like this one, as a question; "" when none is like it."""
    close = difflib.get_close_matches(word[:100], known, n=1, cutoff=0.6)
    return f"Did you mean {close[0]}?" if close else ""


def fields_at(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """The names that are allowed in the table at this path; empty when any name is."""
    for part in path:
        if str(part) not in model.model_fields:
            return []
        inner = _table(model.model_fields[str(part)].annotation)
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


@cache
def _report(name: str, hint: str) -> None:
    _log.warning("The variable %s means nothing to Viewfinder. %s", ascii(name)[1:-1], hint)


def _names(settings: type[BaseModel]) -> list[str]:
    return [PREFIX + NESTED.join(path).upper() for path in _paths(settings)]


def _open_tables(settings: type[BaseModel]) -> tuple[str, ...]:
    """How the variables of tables begin; which names exist in them is checked with the values."""
    fields = settings.model_fields.items()
    return tuple(
        f"{PREFIX}{name}{NESTED}".upper()
        for name, field in fields
        if _table(field.annotation) or "dict" in str(field.annotation)
    )


def _paths(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        yield (name,)
        if inner := _table(field.annotation):
            yield from ((name, *path) for path in _paths(inner))


def _table(annotation: Any) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
