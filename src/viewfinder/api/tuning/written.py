"""The settings that `tune` found, written into the user's settings file, and taken back; called by `run`.

A record in the state folder says what was there before: the whole file, and each line. While nobody changed
the file since, it is restored byte for byte; else line by line, and what was changed since stays.
"""

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from viewfinder.core import paths
from viewfinder.core.config import load_settings, where_given
from viewfinder.core.errors import BadRequest, ViewfinderError
from viewfinder.core.files import read_file
from viewfinder.core.paths import expanded, private, user_config_file
from viewfinder.core.settings_edit import (
    LineChange,
    NotEditable,
    TextEdit,
    taken_back,
    toml_lines,
    with_values,
)
from viewfinder.core.settings_files import CONFIG_VARIABLE
from viewfinder.measure.figures import Frozen

TUNED = "tuned"
_MOST_BYTES = 4 * 1024 * 1024


class WrittenChange(Frozen):
    """As `LineChange`."""

    key: str
    before: str | None
    after: str


class TunedRecord(Frozen):
    """One tuning: the file before (None: there was none) and after, and the lines of it that were changed.
    `others` are files of the state folder, by their path in it: their content before (None: there was none)
    and after."""

    model: str
    file: str
    before: str | None
    after: str
    changes: tuple[WrittenChange, ...] = ()
    block: tuple[str, ...] = ()
    others: dict[str, tuple[str | None, str]] = Field(default_factory=dict)
    remark: str = ""


class TunedRecords(Frozen):
    """Of one model, the newest last."""

    records: tuple[TunedRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Undone:
    """What was taken back; `left` are settings that were changed again since, and stay."""

    file: Path
    changes: tuple[str, ...]
    left: tuple[str, ...]
    remark: str
    more: int
    """Earlier tunings of the model that can be undone, too."""


def settings_file() -> Path:
    """The file that is changed: the one that the user chose, else the user's own."""
    if chosen := os.environ.get(CONFIG_VARIABLE):
        return expanded(chosen)
    return user_config_file()


def write(model: str, values: Mapping[str, Any], others: Mapping[str, bytes], remark: str) -> Path:
    """Write the values below `[engine_for.MODEL]`, and the other files into the state folder.

    Returns the settings file. Raises BadRequest, with the lines to write, when it cannot be changed: then
    nothing was.
    """
    file, before = settings_file(), None
    edit = TextEdit("", ())
    if values:
        before = _text(file)
        try:
            edit = with_values(before or "", ("engine_for", model), values, remark)
        except NotEditable:
            raise _by_hand(file, model, values, "is written in a way that is left to you") from None
    written = {
        path: (_content(paths.home() / path), content.decode("utf-8")) for path, content in others.items()
    }
    record = TunedRecord(
        model=model,
        file=str(file),
        before=before,
        after=edit.text,
        changes=tuple(WrittenChange(key=one.key, before=one.before, after=one.after) for one in edit.changes),
        block=edit.block,
        others=written,
        remark=remark,
    )
    earlier = _records(model)
    _keep(model, (*earlier, record))
    try:
        if values:
            replace_text(file, edit.text)
    except OSError as error:
        _keep(model, earlier)
        raise _by_hand(file, model, values, f"cannot be written ({error.strerror})") from None
    for path, (_, content) in written.items():
        replace_text(paths.home() / path, content)
    return file


def overridden(model: str, values: Mapping[str, Any]) -> list[str]:
    """The settings that have no effect, because another file or a variable says something else: clauses."""
    now = load_settings().engine_of(model)
    return [
        f"{name} stays {getattr(now, name)}: {where_given(('engine_for', model, name), {})}"
        for name, value in values.items()
        if getattr(now, name) != value
    ]


def undo(model: str) -> Undone:
    """Take back the newest tuning of the model. Raises BadRequest when there is none, or the file cannot be
    changed."""
    records = _records(model)
    if not records:
        raise BadRequest(
            f"Nothing that `tune` wrote for '{model}' is left to take back.",
            hint="Settings that you wrote yourself are yours to change.",
            code="nothing_to_undo",
        )
    record = records[-1]
    file, left = Path(record.file), list[str]()
    try:
        if record.changes:
            left = _restore(file, record)
        for path, (before, after) in record.others.items():
            if _content(paths.home() / path) != after:
                left.append(path)
            else:
                _put_back(paths.home() / path, before)
    except NotEditable:
        raise BadRequest(
            f"{file} was changed since, in a way that is left to you.",
            hint=f"Before, it had under [engine_for.{model}]: "
            + "; ".join(one.before or f"no {one.key}" for one in record.changes),
            code="not_editable",
        ) from None
    except OSError as error:
        raise BadRequest(f"{file} cannot be written: {error.strerror}.", code="file_unwritable") from None
    _keep(model, records[:-1])
    changes = tuple(one.key for one in record.changes if one.key not in left)
    return Undone(file, changes, tuple(left), record.remark, len(records) - 1)


def replace_text(file: Path, text: str) -> None:
    """Replace a file at once, with the rights it had; what a link names is replaced, not the link."""
    real = file.resolve()
    real.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = real.with_name(f".{real.name}.{os.getpid()}.new")
    try:
        mode = stat.S_IMODE(real.stat().st_mode)
        if not mode & 0o222 or not os.access(real, os.W_OK):  # root may write what is meant to stay
            raise PermissionError(13, "it is read-only")
    except FileNotFoundError:
        mode = 0o600
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(text.encode("utf-8"))
            opened.flush()
            os.fsync(opened.fileno())
        draft.chmod(mode)
        draft.replace(real)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def _restore(file: Path, record: TunedRecord) -> list[str]:
    """The settings that stay as they are."""
    now = _text(file)
    if now == record.after:
        _put_back(file, record.before)
        return []
    if now is None:
        return [one.key for one in record.changes]
    changes = tuple(LineChange(one.key, one.before, one.after) for one in record.changes)
    back = taken_back(now, ("engine_for", record.model), TextEdit(record.after, changes, record.block))
    if record.before is None and not back.text.strip():
        file.unlink()
    else:
        replace_text(file, back.text)
    return list(back.left)


def _put_back(file: Path, before: str | None) -> None:
    if before is None:
        file.resolve().unlink(missing_ok=True)
    else:
        replace_text(file, before)


def _text(file: Path) -> str | None:
    """None: there is no such file. Raises BadRequest for one that cannot be read."""
    if not os.path.lexists(file):
        return None
    try:
        return read_file(file, _MOST_BYTES).decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(f"{file} is not valid UTF-8.", code="file_unreadable") from None


def _content(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _record_file(model: str) -> Path:
    return paths.home() / TUNED / f"{model}.json"


def _records(model: str) -> tuple[TunedRecord, ...]:
    file = _record_file(model)
    if not file.is_file():
        return ()
    try:
        return TunedRecords.model_validate_json(file.read_bytes()).records
    except (OSError, ValidationError) as error:
        raise ViewfinderError(
            f"{file} cannot be read: {error}.",
            hint="It has the settings from before `tune`.",
            code="record_unreadable",
        ) from None


def _keep(model: str, records: tuple[TunedRecord, ...]) -> None:
    private(paths.home() / TUNED)
    file = _record_file(model)
    if records:
        replace_text(file, TunedRecords(records=records).model_dump_json(indent=2))
    else:
        file.unlink(missing_ok=True)


def _by_hand(file: Path, model: str, values: Mapping[str, Any], why: str) -> BadRequest:
    lines = "\n".join(toml_lines(("engine_for", model), values))
    return BadRequest(f"{file} {why}.", hint=f"Write into it:\n{lines}", code="not_editable")
