"""The settings files: which are read, and what each of them may say; called by `core/config`.

A `viewfinder.toml` in the working folder is read without having been asked for, and may have come with
somebody else's folder. So it may say how models run, and nothing that could harm the person who runs them:
that counts only where the user put it on purpose.
"""

import logging
import os
import re
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from viewfinder.core.errors import BadRequest
from viewfinder.core.files import read_file
from viewfinder.core.paths import expanded, user_config_file

CONFIG_VARIABLE = "VIEWFINDER_CONFIG"
WORKING_FILE = Path("viewfinder.toml")
ANY_TABLE = "*"
"""In the path of a setting: a table of any name."""
CHOSEN_ONLY: dict[str, tuple[tuple[str, ...], ...]] = {
    "start programs": (
        ("engine", "llama_server"),
        ("engine", "remote_code"),
        ("engine", "args"),
        ("engine_for", ANY_TABLE, "args"),
        ("engine_for", ANY_TABLE, "llama_server"),
    ),
    "open serve to others": (("host",), ("api_key",), ("allowed_hosts",), ("allowed_origins",)),
    "write files": (("access_log",),),
    "say where pictures are sent": (("endpoints",), ("aliases",), ("store_url",)),
    "weaken what protects you": (("limits",), ("remote_images",), ("responses",), ("fleet", "canary")),
}
"""What only a file that the user chose may do, and the settings that do it. A key that is known is none."""
_MOST_BYTES = 4 * 1024 * 1024
_DEEP_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){64}""", re.ASCII)
"""A key in 64 tables. The time to read one grows with the square of them: 60 KB took 21 s."""
_log = logging.getLogger(__name__)


def settings_files() -> tuple[Path, ...]:
    """Those that are read, the one that overrides the others first; they need not exist.

    `VIEWFINDER_CONFIG` alone when it is set; else that in the working folder, then the user's own.
    """
    if chosen := os.environ.get(CONFIG_VARIABLE):
        return (expanded(chosen),)
    try:
        own = user_config_file()
    except BadRequest:  # no home folder, so no file in it
        return (WORKING_FILE,)
    return (own,) if _is_same(WORKING_FILE, own) else (WORKING_FILE, own)


def read_settings() -> list[tuple[Path, dict[str, Any]]]:
    """Each file that exists with its content, in that order. Raises BadRequest for one that is no use."""
    is_chosen = bool(os.environ.get(CONFIG_VARIABLE))  # then it must exist
    read = [(file, _content(file)) for file in settings_files() if is_chosen or os.path.lexists(file)]
    return [(file, _allowed(file, found)) for file, found in read]


def _content(file: Path) -> dict[str, Any]:
    hint = f"{CONFIG_VARIABLE} or --config names it." if os.environ.get(CONFIG_VARIABLE) else ""
    try:
        text = read_file(file, _MOST_BYTES, hint=hint).decode("utf-8-sig")
        if deep := _DEEP_KEY.search(text):
            line = text.count("\n", 0, deep.start()) + 1
            raise BadRequest(f"{file} is not valid: line {line} has a key of more than 64 parts.", hint=hint)
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadRequest(
            f"{file} is not valid TOML: {error}.", hint='Write [table], and name = "value" below it.'
        ) from None
    except UnicodeDecodeError as error:
        raise BadRequest(f"{file} is not valid TOML: {error}.", hint="Save it as UTF-8.") from None


def _allowed(file: Path, found: dict[str, Any]) -> dict[str, Any]:
    """What the file may say: all of it, unless it was only found in the working folder."""
    if file != WORKING_FILE or os.environ.get(CONFIG_VARIABLE):
        return found
    kept = deepcopy(found)
    ignored: dict[str, list[str]] = {}
    for deed, settings in CHOSEN_ONLY.items():
        for *tables, name in settings:
            for path, table in _tables_at(kept, tables):
                if name in table:
                    del table[name]
                    ignored.setdefault(deed, []).append(".".join((*path, name)))
    if ignored:
        names = ", ".join(name for several in ignored.values() for name in several)
        _tell_ignored(file.absolute(), names, " or ".join(ignored))
    return kept


def _tables_at(table: Any, path: list[str]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Each table at this path, with its own path."""
    if not isinstance(table, dict):
        return
    if not path:
        yield (), table
        return
    for name in table if path[0] == ANY_TABLE else path[:1]:
        for inner, found in _tables_at(table.get(name), path[1:]):
            yield (name, *inner), found


@cache
def _tell_ignored(file: Path, names: str, deeds: str) -> None:
    """Once: a command reads the settings several times."""
    _log.warning(
        "Ignored: %s in %s. A file that was only found in the working folder may not %s. If you trust it, "
        "put that into %s, or run with --config %s.",
        names,
        file,
        deeds,
        trusted_place(),
        file,
    )


def trusted_place() -> str:
    """Where every setting counts, for hints."""
    try:
        return str(settings_files()[0] if os.environ.get(CONFIG_VARIABLE) else user_config_file())
    except BadRequest:  # no home folder
        return f"a file that {CONFIG_VARIABLE} names"


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
