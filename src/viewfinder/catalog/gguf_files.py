"""Which GGUF files of a folder or a repository make up the model: the language model and its projector.

Called by `uncarded` with the files on disk, whose headers it reads, and by `pull` with the hub's listing and
the beginnings of the files there. Nothing is guessed: where several models could be meant, the user is asked.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import groupby

from viewfinder.catalog import gguf_names as names
from viewfinder.catalog.gguf_facts import WHAT, FileFacts, facts_by_name, fits, misfit, require_model
from viewfinder.core.errors import ModelFilesError

Look = Callable[[str], FileFacts]
"""The facts of the file at a path."""

_NAMED = 4
"""The number of files that an error names."""
_MOST_COMPARED = 100_000
"""Pairs of a model and a projector. With more of them, the user is asked at once."""


@dataclass(frozen=True, slots=True)
class Pair:
    """`model` is the first of its parts, `mmproj` None for a model without images."""

    model: str
    mmproj: str | None = None

    @property
    def files(self) -> list[str]:
        """Every file that the engine opens."""
        return [*names.parts_of(self.model), *([self.mmproj] if self.mmproj else [])]


def choose_pair(
    where: str, paths: Iterable[str], look: Look, *, named: str = "", mmproj: str = ""
) -> Pair | None:
    """The model and its projector among these paths; None when no GGUF file is a model or a projector.

    Of a model's quantizations, Q8_0 and then Q4_K_M are preferred, of a projector's Q8_0 and then F16.
    `named` is the model's file if the user named one: then a projector that fits is taken, or none.
    `mmproj` is the projector's if the user named one, here or elsewhere: whether it fits is checked later.
    Raises ModelFilesError for several models, parts that are missing, and a projector of another model.
    """
    paths = [path for path in paths if not _is_hidden(path)]
    if named or not any(map(names.is_gguf, paths)):
        require_joined([named] if named else paths)
    facts = {path: look(path) for path in sorted(set(map(names.first_part, filter(names.is_gguf, paths))))}
    listed = set(paths)  # of a projector in parts, the first may be missing
    projectors = {
        path: one for path, one in facts.items() if one.kind == "projector" and one.sees and path in listed
    }
    if mmproj:
        given = look(mmproj)
        projectors = {mmproj: given} if given.kind == "projector" else {}
    if named:
        # A damaged file beside the model must not keep it from being served without images.
        projectors = {path: one for path, one in projectors.items() if one.is_read}
        model = names.first_part(named)
        require_model(f"{where}/{named}", facts.get(model) or look(model))
    else:
        found = _model(where, facts, projectors)
        if found is None:
            return None
        model = found
    _require_parts(where, model, paths)
    if mmproj:
        return Pair(model, mmproj)
    own = facts.get(model) or look(model)
    return Pair(model, _projector(where, model, own, projectors, must_fit=not named))


def _model(where: str, facts: dict[str, FileFacts], projectors: dict[str, FileFacts]) -> str | None:
    models = {path: one for path, one in facts.items() if one.kind == "model"}
    if not models:
        if projectors:
            raise ModelFilesError(
                f"{where} has an image projector ({min(projectors)}) and no language model.",
                hint="Get the language model's file, too.",
                code="model_missing",
            )
        return None
    groups = _by_model(models)
    if len(groups) > 1:
        # A small ordinary model that its publisher offers as a draft is known by its name alone.
        groups = [group for group in groups if any(_is_main(path) for path in group)] or groups
    if 1 < len(groups) <= _MOST_COMPARED / max(len(projectors), 1):
        pairs = _with_projectors(groups, models, projectors)
        groups = pairs if len(pairs) == 1 else groups
    if len(groups) > 1:
        best = sorted(min(group, key=names.model_rank) for group in groups)
        shown = ", ".join(best[:_NAMED]) + (", ..." if len(best) > _NAMED else "")
        raise ModelFilesError(
            f"{where} has {len(best)} models: {shown}.",
            hint="Name the file of the one you want (FOLDER/FILE, or hf:owner/name/FILE); the projector that "
            "fits is found.",
            code="several_models",
        )
    return min(groups[0], key=names.model_rank)


def _by_model(models: dict[str, FileFacts]) -> list[list[str]]:
    """The files of each model, in all of its quantizations."""
    by_base = [list(group) for _, group in groupby(sorted(models, key=names.base), key=names.base)]
    merged: list[list[str]] = []
    for group in sorted(by_base, key=lambda group: names.is_generic(group[0])):
        one = models[group[0]]
        twins = [
            other
            for other in merged
            if names.is_generic(group[0]) and one.is_read and _is_same(one, models[other[0]])
        ]
        if twins:
            twins[0].extend(group)
        else:
            merged.append(group)
    return merged


def _is_same(one: FileFacts, other: FileFacts) -> bool:
    return (one.shape, one.name) == (other.shape, other.name)


def _is_main(path: str) -> bool:
    return facts_by_name(path).kind == "model"


def _with_projectors(
    groups: list[list[str]], models: dict[str, FileFacts], projectors: dict[str, FileFacts]
) -> list[list[str]]:
    """The models that one of the projectors was made for: it fits, and its name or folder is the nearest."""
    seeing: set[str] = set()
    for path, facts in projectors.items():
        fitting = [group for group in groups if fits(models[group[0]], facts) is not False]
        nearness = {group[0]: _nearness(group[0], path) for group in fitting}
        nearest = max(nearness.values(), default=(0, 0))
        seeing |= {model for model, near in nearness.items() if near == nearest}
    return [group for group in groups if group[0] in seeing]


def _projector(
    where: str, model: str, facts: FileFacts, projectors: dict[str, FileFacts], *, must_fit: bool
) -> str | None:
    """The projector for a model; ModelFilesError when there are some and none fits or two fit equally."""
    fitting = {path: one for path, one in projectors.items() if fits(facts, one) is not False}
    if not fitting:
        if projectors and must_fit:
            wrong = min(projectors, key=names.projector_rank)
            raise misfit(f"{where}/{model}", facts, f"{where}/{wrong}", projectors[wrong])
        return None
    nearest = max(_nearness(model, path) for path in fitting)
    best = [path for path in fitting if _nearness(model, path) == nearest]
    if nearest[1] == 0 and len({names.words_of(path) for path in best}) > 1:
        best = sorted(best)
        raise ModelFilesError(
            f"Several projectors fit {model}: {', '.join(best[:_NAMED])}.",
            hint="Name the one you want with --mmproj, or as `mmproj` in your settings.",
            code="several_projectors",
        )
    return min(best, key=names.projector_rank)


def _nearness(model: str, projector: str) -> tuple[int, int]:
    """How well a projector's path goes with a model's: folders that both are in, words that both have."""
    folders = list(zip(model.split("/")[:-1], projector.split("/")[:-1], strict=False))
    shared = next((n for n, (one, other) in enumerate(folders) if one != other), len(folders))
    return shared, len(names.words_of(model) & names.words_of(projector))


def _require_parts(where: str, model: str, paths: Collection[str]) -> None:
    parts = names.parts_of(model)
    missing = sorted(set(parts) - set(paths))
    if missing and len(parts) > 1:
        raise ModelFilesError(
            f"{where} lacks {missing[0]} ({len(missing)} of the model's {len(parts)} parts are missing).",
            hint="Get all parts.",
            code="model_missing",
        )


def require_known(where: str, paths: Iterable[str], look: Look) -> None:
    """Raise ModelFilesError for a folder whose only GGUF files are none that an engine runs."""
    others = [path for path in paths if names.is_gguf(path) and not _is_hidden(path)]
    if others:
        path = min(others)
        raise ModelFilesError(
            f"{where} has no language model: {path} is {WHAT[look(path).kind]}.",
            hint="Get the language model's file.",
            code="not_a_model",
        )


def require_joined(paths: Iterable[str]) -> None:
    """Raise ModelFilesError for files that are pieces of a GGUF file, with the command that joins them."""
    pieces = names.pieces(paths)
    if not pieces:
        return
    start = pieces[0]
    raise ModelFilesError(
        f"The model is cut into pieces ({', '.join(pieces[:_NAMED])}).",
        hint=f"Join them: cat {' '.join(pieces[:_NAMED])}{' ...' if len(pieces) > _NAMED else ''} > "
        f"{start[: start.lower().index(names.GGUF)]}{names.GGUF}",
        code="model_in_pieces",
    )


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") for part in path.split("/"))
