"""Cards for models that have none: the user's own files and folders, and repositories named `hf:owner/name`.

Called by `catalog`. All facts of such a card are read from the files; a file that cannot be read is an error
only when the model is loaded.
"""

import contextlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path

from viewfinder.catalog.auto_names import OWN_PREFIXES
from viewfinder.catalog.card import PUBLISHERS, ModelCard, Variant
from viewfinder.catalog.folder import FolderHeader, read_config
from viewfinder.catalog.gguf_facts import cache_bytes
from viewfinder.catalog.gguf_names import GGUF, first_part, part_files
from viewfinder.catalog.headers import GGUFHeader, check_gguf
from viewfinder.catalog.local_files import model_folder, pair_in, projector_of, snapshot_in
from viewfinder.core.config import LocalModel, RunningServer
from viewfinder.core.errors import BadRequest, ModelFilesError
from viewfinder.core.paths import expanded

LLAMA_CPP, MLX, TRANSFORMERS, ENDPOINT = "llama.cpp", "mlx", "transformers", "endpoint"
FOLDER_ENGINES = (MLX, TRANSFORMERS)
"""Those of ours that load a whole model folder; the rooms above name all that are known."""
HUB_PREFIX = "hf:"
_log = logging.getLogger(__name__)

_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
_REFERENCE = re.compile(
    rf"{HUB_PREFIX}({_PART}/{_PART})(?:@([A-Za-z0-9][A-Za-z0-9._-]{{0,99}}))?"
    r"(?:/((?:[A-Za-z0-9_][A-Za-z0-9._+-]{0,199}/){0,3}[A-Za-z0-9_][A-Za-z0-9._+-]{0,199}\.[Gg][Gg][Uu][Ff]))?"
)


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of the hub, with its revision and one of its GGUF files when they were named."""

    repo: str
    revision: str = ""
    file: str = ""


def is_reference(text: str) -> bool:
    """Whether the text may refer to files or to the hub, which the name of a model never does."""
    return text.startswith((HUB_PREFIX, ".", "~")) or "/" in text or text.lower().endswith(GGUF)


def parse_reference(text: str) -> Repository:
    """`hf:owner/name[@revision][/file.gguf]`; BadRequest for anything else."""
    found = _REFERENCE.fullmatch(text)
    if found is None or "--" in found[1] or ".." in text or found[1].endswith(".git"):
        raise BadRequest(
            f"{text[:200]!r} names no repository of the hub.",
            hint="Write hf:owner/name, hf:owner/name@revision or hf:owner/name/file.gguf.",
            param="model",
        )
    return Repository(found[1], found[2] or "", found[3] or "")


def name_from(text: str) -> str:
    """A valid model name, made from the name of a file or a repository."""
    name = re.sub(r"[^A-Za-z0-9._:-]", "-", text)[:90].lstrip("._:-")
    while name.startswith(OWN_PREFIXES):
        name = name.partition(":")[2].lstrip("._:-")
    return name or "model"


def short_name(model: str) -> str:
    """A server's name for its model as people would say it: "SmolVLM-500M", not a path or "owner/name"."""
    last = re.split(r"[/\\]", model.rstrip("/\\"))[-1]
    return re.sub(rf"{re.escape(GGUF)}$", "", last, flags=re.IGNORECASE) or model


def card_of_repository(name: str, repository: Repository, snapshot: Path) -> ModelCard:
    """The card of a repository on this disk, in the folder of one commit."""
    variant = variant_of(snapshot, named=repository.file, mlx=repository.repo.startswith("mlx-community/"))
    mmproj = variant.mmproj and variant.mmproj.relative_to(snapshot)
    in_the_hub = {
        "repo": repository.repo,
        "source": "hub",
        "revision": snapshot.name,
        "model": variant.model.relative_to(snapshot),
        "mmproj": mmproj,
    }
    return _card(
        name,
        f"{repository.repo} on the hub, which has no card: read from its files.",
        variant.model_copy(update=in_the_hub),
        snapshot,
    )


def card_of_files(name: str, local: LocalModel) -> ModelCard:
    """The card of a GGUF file with or without its projector, or of a model folder. Raises BadRequest for a
    projector that it has no use for."""
    # Engines run in another working directory than the one that the path was typed in.
    path, mmproj = _absolute(local.model), local.mmproj and _absolute(local.mmproj)
    if path.is_dir():
        variant = variant_of(path, mmproj=mmproj)
    elif local.engine in ("", LLAMA_CPP):
        variant = _variant_of_file(path, mmproj)
    else:
        variant = _gguf_variant(path, mmproj)
    if local.engine:
        # Files that cannot be read here may well take images: that is trusted until it is measured.
        vision = variant.vision or local.engine not in (LLAMA_CPP, *FOLDER_ENGINES)
        own = {"name": local.engine, "engine": local.engine, "vision": vision}
        variant = variant.model_copy(update=own)
    if local.coordinates:
        variant = variant.model_copy(update={"coordinates": local.coordinates})
    card = _card(name, f"Your own files: {path.name}.", variant, path)
    require_projector_used(str(local.model), card, local.mmproj)
    return card


def require_projector_used(reference: str, card: ModelCard, mmproj: Path | None) -> None:
    """Raise BadRequest for a projector that the user named and the card does not have."""
    variant = card.variants[0]
    if mmproj is not None and (variant.source != "disk" or variant.mmproj is None):
        raise BadRequest(
            f"--mmproj belongs to a GGUF model on this disk, and {reference} is none.",
            hint="Leave it out: other models come with their image encoder.",
            param="mmproj",
        )


def warn_of_several_projectors(variant: Variant) -> None:
    """A model's file that lies among several projectors may be one without images: it is used, as such."""
    if variant.engine != LLAMA_CPP or variant.source != "disk" or variant.mmproj is not None:
        return
    with contextlib.suppress(OSError):  # it was there a moment ago
        try:
            projector_of(variant.model)
        except ModelFilesError as error:
            _log.warning("%s Without it, the model takes no images.", error)


def card_of_server(name: str, server: RunningServer) -> ModelCard:
    """The card of a running server; its declared capabilities are trusted until they are measured."""
    variant = Variant(
        name=ENDPOINT,
        engine=ENDPOINT,
        repo=server.model,
        source="server",
        server=server,
        vision=server.vision,
        text=server.text,
        coordinates=server.coordinates,
    )
    return ModelCard(
        name=name,
        title=f"{short_name(server.model)} at {server.root}",
        license=PUBLISHERS,
        summary="A server that Viewfinder did not start.",
        variants=(variant,),
    )


def _card(name: str, summary: str, variant: Variant, path: Path) -> ModelCard:
    header = _config(path)
    code = ("The Python code in its repository is not run.",) if header and header.remote_code else ()
    return ModelCard(
        name=name,
        title=name,
        license=PUBLISHERS,
        summary=summary,
        variants=(variant,),
        quirks=code,
    )


def variant_of(folder: Path, *, named: str = "", mlx: bool = False, mmproj: Path | None = None) -> Variant:
    """The variant of a folder: its GGUF pair when it has one, or else the whole folder.

    A folder that `pair_in` refuses is the model of a llama.cpp variant, for which `catalog` refuses it again.
    """
    folder = snapshot_in(folder)
    try:
        pair = pair_in(folder, named, mmproj)
    except ModelFilesError:
        return _gguf_variant(folder, mmproj)
    if pair is not None:
        return _gguf_variant(folder / pair.model, folder / pair.mmproj if pair.mmproj else None)
    folder = model_folder(folder)
    header = _config(folder)
    engine = MLX if mlx or (header and header.is_mlx) else TRANSFORMERS
    return Variant(
        name=engine,
        engine=engine,
        repo=folder.name,
        source="disk",
        model=folder,
        quantization=header.quantization if header else "",
        size_bytes=size_bytes(folder),
        vision=header is not None and header.vision,
        text=True,
        context_tokens=header.context_tokens if header else None,
        image_input_px=header.image_input_px if header else None,
    )


def _variant_of_file(model: Path, mmproj: Path | None) -> Variant:
    """The variant of a GGUF file; without a projector that the user named, the one beside it that fits."""
    model = model.with_name(first_part(model.name))
    if mmproj is None:
        with contextlib.suppress(ModelFilesError, OSError):
            mmproj = projector_of(model)
    return _gguf_variant(model, mmproj)


def _gguf_variant(model: Path, mmproj: Path | None) -> Variant:
    header, projector = _header(model), _header(mmproj)
    return Variant(
        name=LLAMA_CPP,
        engine=LLAMA_CPP,
        repo=model.name,
        source="disk",
        model=model,
        mmproj=mmproj,
        quantization=_quantization(model),
        size_bytes=size_bytes(*part_files(model), mmproj),
        vision=mmproj is not None and _sees(projector),
        text=True,
        context_tokens=_number(header, f"{header.architecture}.context_length") if header else None,
        cache_bytes=cache_bytes(header) if header else None,
        # A model with tiles scales an image to its own longest edge, any other model to that of one tile.
        image_input_px=_number(projector, "clip.vision.preproc_image_size")
        or _number(projector, "clip.vision.image_size"),
    )


def _quantization(model: Path) -> str:
    """That of the first part with weights: the first of all often has none."""
    headers = map(_header, part_files(model))
    return next((header.quantization for header in headers if header and header.quantization), "")


def size_bytes(*paths: Path | None) -> int | None:
    """The size of files and folders together, or None when one of them does not exist."""
    try:
        return sum(_size(path) for path in paths if path is not None)
    except OSError:
        return None


def _size(path: Path) -> int:
    if not path.is_dir():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _absolute(file: Path) -> Path:
    return expanded(file).absolute()


def _config(folder: Path) -> FolderHeader | None:
    try:
        return read_config(folder)
    except (ModelFilesError, OSError):
        return None


def _header(file: Path | None) -> GGUFHeader | None:
    try:
        return None if file is None else check_gguf(file)
    except ModelFilesError:
        return None


def _sees(projector: GGUFHeader | None) -> bool:
    """False for a projector without a vision encoder (one for sound only)."""
    return projector is None or projector.values.get("clip.has_vision_encoder", True) is True


def _number(header: GGUFHeader | None, key: str) -> int | None:
    value = header.values.get(key) if header else None
    return value if isinstance(value, int) and value > 0 else None
