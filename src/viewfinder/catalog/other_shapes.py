"""Shapes in which models are published that no engine here reads, each with one sentence; pure.

Called by `folder` with the names on disk and by `repository` with the hub's listing.
"""

from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

from viewfinder.core.errors import ModelFilesError

_ELSEWHERE = "Look for a repository of this model with GGUF or safetensors files."
_BY_SUFFIX = (
    ((".onnx", ".ort"), "an ONNX model"),
    ((".xml",), "an OpenVINO model"),
    ((".tflite", ".task", ".litertlm"), "a LiteRT model"),
    ((".mlmodel", ".mlpackage", ".mlmodelc"), "a Core ML model"),
    ((".nemo",), "a NeMo model"),
    ((".engine", ".plan"), "a TensorRT engine"),
    ((".llamafile",), "a llamafile"),
    ((".npz",), "a model in an old format of MLX"),
    ((".ggml", ".ggjt"), "a model in GGML, the format before GGUF"),
)


def refusal(where: str, paths: Iterable[str]) -> ModelFilesError | None:
    """Why files without a `config.json` among them are no model that runs here; None: not known."""
    paths = [path for path in paths if not path.startswith(".")]
    names = {path for path in paths if "/" not in path}
    if "adapter_config.json" in names:
        return _no_model(
            where, "an adapter (LoRA) for another model", "Merge it into its model, and serve the result."
        )
    if "model_index.json" in names:
        return _no_model(where, "a pipeline of several models that makes pictures", _ELSEWHERE)
    if "params.json" in names:
        return _no_model(
            where,
            "a model in its publisher's own format (params.json)",
            "Look for one in the usual format, with a config.json.",
        )
    if _is_ollama(paths):
        return _no_model(
            where,
            "Ollama's store",
            "`ollama show --modelfile NAME` prints the path of a model's file after FROM: name that file.",
        )
    inside = sorted({path.split("/")[0] for path in paths if path.count("/") == 1 and _has_config(path)})
    if len(inside) > 1:
        return ModelFilesError(
            f"{where} has {len(inside)} models: {', '.join(inside[:4])}{', ...' if len(inside) > 4 else ''}.",
            hint="Name the folder of the one you want.",
            code="several_models",
        )
    return by_suffix(where, paths)


def by_suffix(where: str, paths: Iterable[str]) -> ModelFilesError | None:
    """Why files with these names are no model that runs here, judging by their endings."""
    endings = {suffix for path in paths for part in path.split("/") if (suffix := _suffix(part))}
    for suffixes, what in _BY_SUFFIX:
        if endings & set(suffixes):
            return _no_model(where, what, _ELSEWHERE)
    return None


def _no_model(where: str, what: str, hint: str) -> ModelFilesError:
    return ModelFilesError(
        f"{where} has {what}, which Viewfinder cannot serve.", hint=hint, code="not_a_model"
    )


def _is_ollama(paths: Collection[str]) -> bool:
    return any(PurePosixPath(path).name.startswith(("sha256-", "sha256:")) for path in paths)


def _has_config(path: str) -> bool:
    return path.endswith("/config.json")


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
