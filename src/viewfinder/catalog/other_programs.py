"""Models that other programs have on this disk: the hub's cache, Ollama, LM Studio; read only, by header.

Called for `viewfinder models`. Only the first bytes of a file are read, of a limited number of files and for
a limited time; whatever cannot be read is left out, because these files are nobody's mistake here.
"""

import functools
import os
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

import orjson

from viewfinder.catalog import ollama
from viewfinder.catalog.folder import read_config
from viewfinder.catalog.gguf_facts import FileFacts, facts_by_name, facts_of
from viewfinder.catalog.gguf_files import Look, Pair, choose_pair
from viewfinder.catalog.gguf_names import first_part, is_gguf
from viewfinder.catalog.headers import GGUFHeader, peek_gguf, start_of
from viewfinder.catalog.hub import COMMIT, MAIN, cache_folder, expanded
from viewfinder.catalog.local_files import files_in
from viewfinder.catalog.uncarded import FOLDER_ENGINES, HUB_PREFIX, LLAMA_CPP, size_bytes
from viewfinder.core.errors import ModelFilesError

HUB, OLLAMA, LM_STUDIO = "hub cache", "Ollama", "LM Studio"
LIMIT_S = 0.4
"""For all of it: `models` must not wait for a disk that is full of models."""
_MODEL_BYTES, _PROJECTOR_BYTES = 32_768, 524_288
"""Of a model's header, all that comes before the vocabulary; of a projector's, all of it."""
_MOST_FOLDERS, _MOST_IN_ONE, _MOST_SETTINGS_BYTES = 1000, 20, 1_000_000
_OLLAMA_ALONE = "made for Ollama: its image encoder is in the model's file, where llama.cpp finds none"


@dataclass(frozen=True, slots=True)
class OtherModel:
    """A model that another program keeps. `reference` is how our commands name it (`hf:owner/name`, a path);
    `engine` runs it, and `vision` says whether it sees images then. `trouble` is why it cannot be used."""

    program: str
    name: str
    reference: str
    engine: str
    size_bytes: int
    vision: bool
    mmproj: Path | None = None
    trouble: str = ""


class _OutOfTime(Exception):
    pass


def other_models(
    known: Collection[str] = (), *, limit_s: float = LIMIT_S, clock: Callable[[], float] = time.monotonic
) -> tuple[list[OtherModel], bool]:
    """The models of other programs, and whether all were looked at within the time.

    `known` are ids of repositories in the hub's cache that are listed already.
    """
    look = _Look(clock, clock() + limit_s)
    models: list[OtherModel] = []
    try:
        for source in (
            _of_ollama(look),
            _of_lm_studio(look),
            _of_the_hub(look, {one.casefold() for one in known}),
        ):
            for model in source:
                models.append(model)
    except _OutOfTime:
        return models, False
    return models, True


class _Look:
    """Reads the beginnings of files until the time is up."""

    def __init__(self, clock: Callable[[], float], until_s: float) -> None:
        self._clock, self._until_s = clock, until_s

    def in_time(self) -> None:
        """Raises _OutOfTime."""
        if self._clock() > self._until_s:
            raise _OutOfTime

    def header(self, file: Path) -> GGUFHeader:
        """As much of a header as is needed to know a file. Raises ModelFilesError."""
        self.in_time()
        header = peek_gguf(str(file), _start(file, _MODEL_BYTES))
        if header.architecture == "clip":
            header = peek_gguf(str(file), _start(file, _PROJECTOR_BYTES))
        return header

    def within(self, folder: Path) -> Look:
        """The facts of the files below a folder, for `choose_pair`; each is read once."""

        @functools.cache
        def look(path: str) -> FileFacts:
            try:
                return facts_of(self.header(folder / path))
            except ModelFilesError:
                return facts_by_name(path)

        return look


def _start(file: Path, most_bytes: int) -> bytes:
    try:
        return start_of(file, most_bytes)
    except OSError as error:
        raise ModelFilesError(f"{file} cannot be read: {error.strerror}.") from None


def _of_ollama(look: _Look) -> Iterator[OtherModel]:
    for folder in ollama.models_folders():
        for one in ollama.models_in(folder):
            try:
                header = look.header(one.model)
            except ModelFilesError:
                continue
            if facts_of(header).kind != "model":
                continue
            trouble = _OLLAMA_ALONE if one.mmproj is None and _has_own_encoder(header) else ""
            yield OtherModel(
                OLLAMA,
                one.name,
                str(one.model),
                LLAMA_CPP,
                size_bytes(one.model, one.mmproj) or 0,
                one.mmproj is not None,
                one.mmproj,
                trouble,
            )


def _has_own_encoder(header: GGUFHeader) -> bool:
    return f"{header.architecture}.vision.block_count" in header.values


def _of_lm_studio(look: _Look) -> Iterator[OtherModel]:
    for top in _lm_studio_folders():
        files = [path for path in files_in(top, depth=2) if path.count("/") == 2]  # publisher/repository/file
        for place, inside in groupby(files, key=lambda path: path.rpartition("/")[0]):
            names = [path.rpartition("/")[2] for path in inside]
            yield from _in_folder(look, LM_STUDIO, place, top / place, names, str(top / place))


def _lm_studio_folders() -> list[Path]:
    """Where LM Studio keeps models: as its settings say, and its two defaults."""
    home = expanded("~/.lmstudio")
    folders = [home / "models", expanded("~/.cache/lm-studio/models")]
    try:
        settings = orjson.loads(start_of(home / "settings.json", _MOST_SETTINGS_BYTES))
    except (OSError, ValueError):
        return folders
    chosen = settings.get("downloadsFolder") if isinstance(settings, dict) else None
    if isinstance(chosen, str) and Path(chosen).is_absolute() and Path(chosen) not in folders:
        folders.insert(0, Path(chosen))
    return folders


def _of_the_hub(look: _Look, known: Collection[str]) -> Iterator[OtherModel]:
    for folder in _subfolders(cache_folder()):
        owner, _, name = folder.name.removeprefix("models--").partition("--")
        repo = f"{owner}/{name}"
        if not folder.name.startswith("models--") or not name or repo.casefold() in known:
            continue
        look.in_time()
        commit, is_main = _commit(folder)
        if commit:
            snapshot = folder / "snapshots" / commit
            reference = f"{HUB_PREFIX}{repo}{'' if is_main else f'@{commit}'}"
            yield from _in_folder(look, HUB, repo, snapshot, files_in(snapshot), reference)


def _commit(folder: Path) -> tuple[str, bool]:
    """A commit of a repository that is on this disk, "" for none, and whether `main` is that one."""
    try:
        main = start_of(folder / "refs" / MAIN, 100).decode("ascii").strip()
    except (OSError, ValueError):
        main = ""
    if COMMIT.fullmatch(main) and (folder / "snapshots" / main).is_dir():
        return main, True
    commits = [one.name for one in _subfolders(folder / "snapshots") if COMMIT.fullmatch(one.name)]
    return (commits[-1], False) if commits else ("", False)


def _subfolders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            few = islice((entry for entry in entries if entry.is_dir(follow_symlinks=False)), _MOST_FOLDERS)
            return sorted(Path(entry.path) for entry in few)
    except OSError:
        return []


def _in_folder(
    look: _Look, program: str, name: str, folder: Path, files: list[str], reference: str
) -> Iterator[OtherModel]:
    """The models in one folder: its GGUF pairs, or the whole folder if it is a model that takes images."""
    if any(map(is_gguf, files)):
        pairs = _pairs(look, folder, files)
        for pair in pairs:
            size = size_bytes(*(folder / path for path in pair.files))
            if size is None:  # a part, or what a link leads to, is missing
                continue
            is_only = len(pairs) == 1
            shown = name if is_only else f"{name}/{pair.model.rpartition('/')[2]}"
            own = reference if is_only and program == HUB else f"{reference}/{pair.model}"
            mmproj = folder / pair.mmproj if pair.mmproj else None
            yield OtherModel(program, shown, own, LLAMA_CPP, size, mmproj is not None, mmproj)
    elif "config.json" in files and any(path.endswith(".safetensors") for path in files):
        look.in_time()
        try:
            header = read_config(folder)
        except (ModelFilesError, OSError):
            return
        size = size_bytes(*(folder / path for path in files))
        if header.vision and size is not None:
            is_mlx = header.is_mlx or name.startswith("mlx-community/")
            mlx, transformers = FOLDER_ENGINES
            yield OtherModel(program, name, reference, mlx if is_mlx else transformers, size, vision=True)


def _pairs(look: _Look, folder: Path, files: list[str]) -> list[Pair]:
    """The model of a folder with its projector; each, where there are several. Only what can be read."""
    facts = look.within(folder)
    try:
        pairs = [choose_pair(str(folder), files, facts)]
    except ModelFilesError as error:
        if error.reason != "several_models":
            return []
        pairs = [_named(folder, files, facts, path) for path in _models(files)]
    return [pair for pair in pairs if pair and facts(pair.model).is_read]


def _models(files: list[str]) -> list[str]:
    """The GGUF files of a folder, of each in parts the first; not all of a folder with very many."""
    return sorted({first_part(path) for path in files if is_gguf(path)})[:_MOST_IN_ONE]


def _named(folder: Path, files: list[str], facts: Look, path: str) -> Pair | None:
    if facts(path).kind != "model":
        return None
    try:
        return choose_pair(str(folder), files, facts, named=path)
    except ModelFilesError:  # parts of it are missing
        return None
