"""Model files of SmolVLM-500M's dimensions with random weights: as slow as the real model, and never right.

    python -m benchmarks.synthesize FOLDER [--formats gguf transformers]

`gguf` (545 MB) is the pair for llama.cpp in Q8_0. `transformers` is the same numbers as folders for
transformers: in float32 (2.0 GB), in bfloat16 (1.0 GB), and for each another one (hard links) whose
processor cuts no tiles, so that a picture is 64 tokens. The settings file that is written beside them makes
`viewfinder serve` take all of them. The same command writes the same bytes. Needs numpy and gguf, not torch.

The sizes are those of SmolVLM-500M-Instruct's published configuration; tokens and template are glimpse's,
with more tokens up to the published number. Called by `benchmarks.formats`, and by hand.
"""

import argparse
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import gguf
import numpy as np
from rich.progress import track

from viewfinder.catalog.catalog import WEIGHTS

WIDTH, LAYERS, HEADS, KV_HEADS, HEAD, INNER = 960, 32, 15, 5, 64, 2560
"""Of the language model."""
VOCABULARY, CONTEXT, ROPE_BASE, RMS_EPSILON = 49_280, 8192, 100_000.0, 1e-5
V_WIDTH, V_LAYERS, V_HEADS, V_INNER, PATCH, TILE, EDGE, SCALE = 768, 12, 12, 3072, 16, 512, 2048, 4
"""Of the vision tower; lengths in pixels. A picture is scaled to EDGE and cut into tiles of TILE."""
TILE_TOKENS = (TILE // PATCH // SCALE) ** 2
BLOCK = 32
"""Numbers that Q8_0 packs together, with one factor of 16 bits."""
SPREAD = 73.3
"""The standard deviation of the integers from -127 to 127."""
SILENT = 266
"""Glimpse's vocabulary begins with special tokens and single bytes: these, and the special tokens that are
added, are never the likeliest, so that an answer is as long as it may be and is text."""
GLIMPSE = WEIGHTS / "glimpse"
MODEL, PROJECTOR, SETTINGS = "random-500m-Q8_0.gguf", "mmproj-random-500m-Q8_0.gguf", "viewfinder.toml"
TYPES = {"f32": "float32", "bf16": "bfloat16"}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of the model by its names in both formats; `packed`: in Q8_0, otherwise float32 in GGUF.

    `heads`: the number of heads whose rows llama.cpp has in another order, 0: the same.
    """

    name: str
    gguf_name: str
    shape: tuple[int, ...]
    packed: bool = True
    heads: int = 0

    @property
    def in_projector(self) -> bool:
        return self.gguf_name.startswith(("v.", "mm."))

    def integers(self) -> np.ndarray:
        """The numbers in units of `factor`; always the same for a name."""
        numbers = np.random.default_rng(zlib.crc32(self.name.encode()))
        made = numbers.integers(-127, 128, size=self.shape, dtype=np.int8)
        if self.name == "lm_head.weight":
            made[:SILENT] = 0
            made[[number for number, token in enumerate(vocabulary()) if token.startswith("<row_")]] = 0
        return made

    @property
    def factor(self) -> np.float16:
        """Keeps the scale of what a layer is given."""
        inputs = 1 if "embed_tokens" in self.name else int(np.prod(self.shape[1:]))
        return np.float16(1 / (SPREAD * inputs**0.5))

    def floats(self) -> np.ndarray:
        """float32, as transformers has them."""
        if len(self.shape) == 1:
            return np.full(self.shape, 0 if self.name.endswith("bias") else 1, np.float32)
        return self.integers() * np.float32(self.factor)

    def for_gguf(self) -> np.ndarray:
        """float32, or the bytes of Q8_0's blocks: a factor and 32 integers each."""
        if not self.packed:
            return self.floats()
        rows = self.integers()
        if self.heads:
            halves = rows.reshape(self.heads, 2, len(rows) // self.heads // 2, -1)
            rows = halves.swapaxes(1, 2).reshape(rows.shape)
        blocks = np.empty((len(rows), rows.shape[1] // BLOCK, 2 + BLOCK), np.uint8)
        blocks[..., :2] = np.frombuffer(self.factor.tobytes(), np.uint8)
        blocks[..., 2:] = rows.reshape(len(rows), -1, BLOCK).view(np.uint8)
        return blocks.reshape(len(rows), -1)


def tensors() -> Iterator[Tensor]:
    """All of the model."""
    yield from _text()
    yield from _vision()


def _text() -> Iterator[Tensor]:
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, LAYERS)
    shapes: dict[str, tuple[int, ...]] = {
        "self_attn.q_proj": (HEADS * HEAD, WIDTH),
        "self_attn.k_proj": (KV_HEADS * HEAD, WIDTH),
        "self_attn.v_proj": (KV_HEADS * HEAD, WIDTH),
        "self_attn.o_proj": (WIDTH, HEADS * HEAD),
        "mlp.gate_proj": (INNER, WIDTH),
        "mlp.up_proj": (INNER, WIDTH),
        "mlp.down_proj": (WIDTH, INNER),
        "input_layernorm": (WIDTH,),
        "post_attention_layernorm": (WIDTH,),
    }
    heads = {"self_attn.q_proj": HEADS, "self_attn.k_proj": KV_HEADS}
    whole: dict[str, tuple[int, ...]] = {"model.embed_tokens": (VOCABULARY, WIDTH), "model.norm": (WIDTH,)}
    whole |= {
        f"model.layers.{layer}.{part}": shape for layer in range(LAYERS) for part, shape in shapes.items()
    }
    whole["lm_head"] = (VOCABULARY, WIDTH)
    for key, shape in whole.items():
        theirs = key.replace("model.", "model.text_model.", 1) if key != "lm_head" else key
        turned = heads.get(key.partition("layers.")[2].partition(".")[2], 0)
        yield Tensor(f"{theirs}.weight", _named(names, f"{key}.weight"), shape, len(shape) > 1, turned)


def _vision() -> Iterator[Tensor]:
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.MMPROJ, V_LAYERS)
    tower = "model.vision_model"
    linear = {f"self_attn.{part}": (V_WIDTH, V_WIDTH) for part in ("q_proj", "k_proj", "v_proj", "out_proj")}
    linear |= {"mlp.fc1": (V_INNER, V_WIDTH), "mlp.fc2": (V_WIDTH, V_INNER)}
    norms = [f"{tower}.encoder.layers.{n}.layer_norm{m}" for n in range(V_LAYERS) for m in (1, 2)]
    with_bias: dict[str, tuple[int, ...]] = {
        f"{tower}.encoder.layers.{layer}.{part}": shape
        for layer in range(V_LAYERS)
        for part, shape in linear.items()
    }
    with_bias[f"{tower}.embeddings.patch_embedding"] = (V_WIDTH, 3, PATCH, PATCH)
    with_bias |= dict.fromkeys([*norms, f"{tower}.post_layernorm"], (V_WIDTH,))
    for key, shape in with_bias.items():
        packed = len(shape) == 2
        yield Tensor(f"{key}.weight", _named(names, f"{key}.weight"), shape, packed)
        yield Tensor(f"{key}.bias", _named(names, f"{key}.bias"), shape[:1], packed=False)
    places = f"{tower}.embeddings.position_embedding.weight"
    yield Tensor(places, _named(names, places), ((TILE // PATCH) ** 2, V_WIDTH), packed=False)
    fully = "model.connector.modality_projection.proj.weight"
    yield Tensor(fully, _named(names, fully), (WIDTH, V_WIDTH * SCALE**2))


def _named(names: gguf.TensorNameMap, key: str) -> str:
    name = names.get_name(key, try_suffixes=(".weight", ".bias"))
    assert name is not None, key
    return name


def write_gguf(folder: Path) -> None:
    """The pair for llama.cpp: glimpse's facts with other sizes, and these weights."""
    for file, source, sizes, projector in (
        (MODEL, "glimpse-f16.gguf", _text_sizes(), False),
        (PROJECTOR, "mmproj-glimpse-f16.gguf", _vision_sizes(), True),
    ):
        fields = gguf.GGUFReader(GLIMPSE / source).fields
        writer = gguf.GGUFWriter(folder / file, fields["general.architecture"].contents())
        for name, field in fields.items():
            if not name.startswith("GGUF.") and name != "general.architecture":
                kind, *inner = field.types
                value = sizes.pop(name) if name in sizes else field.contents()
                writer.add_key_value(name, value, kind, inner[0] if inner else None)
        assert not sizes, sizes
        own = [tensor for tensor in tensors() if tensor.in_projector is projector]
        for tensor in track(own, file, transient=True):
            packing = gguf.GGMLQuantizationType.Q8_0 if tensor.packed else None
            writer.add_tensor(tensor.gguf_name, tensor.for_gguf(), raw_dtype=packing)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def _text_sizes() -> dict[str, Any]:
    tokens, kinds = vocabulary(), [gguf.TokenType.NORMAL] * VOCABULARY
    for number, token in enumerate(tokens):
        if token in special_tokens():
            kinds[number] = gguf.TokenType.CONTROL
    return {
        "general.name": "random-500m",
        "general.file_type": int(gguf.LlamaFileType.MOSTLY_Q8_0),
        "llama.vocab_size": VOCABULARY,
        "llama.context_length": CONTEXT,
        "llama.embedding_length": WIDTH,
        "llama.block_count": LAYERS,
        "llama.feed_forward_length": INNER,
        "llama.rope.dimension_count": HEAD,
        "llama.rope.freq_base": ROPE_BASE,
        "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": KV_HEADS,
        "llama.attention.layer_norm_rms_epsilon": RMS_EPSILON,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [int(kind) for kind in kinds],
    }


def _vision_sizes() -> dict[str, Any]:
    return {
        "general.name": "random-500m",
        "general.file_type": int(gguf.LlamaFileType.MOSTLY_Q8_0),
        "clip.vision.projection_dim": WIDTH,
        "clip.vision.image_size": TILE,
        "clip.vision.preproc_image_size": EDGE,
        "clip.vision.patch_size": PATCH,
        "clip.vision.embedding_length": V_WIDTH,
        "clip.vision.feed_forward_length": V_INNER,
        "clip.vision.block_count": V_LAYERS,
        "clip.vision.attention.head_count": V_HEADS,
        "clip.vision.projector.scale_factor": SCALE,
    }


def special_tokens() -> list[str]:
    """Glimpse's, and one for the place of each tile."""
    ours = [token["content"] for token in _glimpses("tokenizer.json")["added_tokens"]]
    places = [f"<row_{row}_col_{column}>" for row in range(1, 5) for column in range(1, 5)]
    return [*ours, *(place for place in places if place not in ours)]


def vocabulary() -> list[str]:
    """Glimpse's tokens under their ids, then what special tokens it lacks, then words without a meaning."""
    by_id = sorted(_glimpses("tokenizer.json")["model"]["vocab"].items(), key=lambda item: item[1])
    tokens = [token for token, _ in by_id]
    tokens += [token for token in special_tokens() if token not in tokens]
    return [*tokens, *(f"Ġw{number}" for number in range(VOCABULARY - len(tokens)))]


def write_transformers(folder: Path) -> None:
    """A folder in each type; beside it one for pictures of one tile, with hard links to the same weights."""
    for kind, name in TYPES.items():
        for tiled in (True, False):
            place = folder / f"transformers-{kind}{'' if tiled else '-one-tile'}"
            place.mkdir(exist_ok=True)
            for file, document in _documents(name, tiled=tiled).items():
                (place / file).write_text(
                    json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8"
                )
            template = (GLIMPSE / "hf" / "chat_template.jinja").read_text(encoding="utf-8")
            (place / "chat_template.jinja").write_text(template, encoding="utf-8")
            weights = place / "model.safetensors"
            weights.unlink(missing_ok=True)
            if tiled:
                with weights.open("wb") as out:
                    _write_safetensors(out, kind)
            else:
                os.link(folder / f"transformers-{kind}" / weights.name, weights)


def _write_safetensors(out: BinaryIO, kind: str) -> None:
    """The format is a header of JSON after its length: https://github.com/huggingface/safetensors#format."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    size_bytes, begin = 4 if kind == "f32" else 2, 0
    for tensor in tensors():
        end = begin + size_bytes * int(np.prod(tensor.shape))
        header[tensor.name] = {
            "dtype": kind.upper(),
            "shape": list(tensor.shape),
            "data_offsets": [begin, end],
        }
        begin = end
    written = json.dumps(header).encode()
    written += b" " * (-len(written) % 8)
    out.write(len(written).to_bytes(8, "little") + written)
    for tensor in track(list(tensors()), f"transformers, {TYPES[kind]}", transient=True):
        numbers = tensor.floats()
        out.write((numbers if kind == "f32" else _rounded(numbers)).tobytes())


def _rounded(numbers: np.ndarray) -> np.ndarray:
    """The bits of bfloat16: those of float32 without the lower half, rounded to even."""
    bits = np.ascontiguousarray(numbers).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def _documents(type_name: str, *, tiled: bool) -> dict[str, Any]:
    """Glimpse's own with other sizes."""
    config = _glimpses("config.json")
    config |= {"dtype": type_name, "scale_factor": SCALE, "vocab_size": VOCABULARY}
    config["text_config"] |= {
        "head_dim": HEAD,
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "max_position_embeddings": CONTEXT,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "num_key_value_heads": KV_HEADS,
        "rms_norm_eps": RMS_EPSILON,
        "rope_parameters": {"rope_theta": ROPE_BASE, "rope_type": "default"},
        "vocab_size": VOCABULARY,
    }
    config["vision_config"] |= {
        "hidden_size": V_WIDTH,
        "image_size": TILE,
        "intermediate_size": V_INNER,
        "num_attention_heads": V_HEADS,
        "num_hidden_layers": V_LAYERS,
        "patch_size": PATCH,
    }
    processor = _glimpses("processor_config.json")
    processor["image_seq_len"] = TILE_TOKENS
    processor["image_processor"] |= {
        "max_image_size": {"longest_edge": TILE},
        "size": {"longest_edge": EDGE if tiled else TILE},
        "do_image_splitting": tiled,
    }
    tokenizer = _glimpses("tokenizer.json")
    tokens, flags = vocabulary(), tokenizer["added_tokens"][0]
    tokenizer["model"]["vocab"] = {token: number for number, token in enumerate(tokens)}
    tokenizer["added_tokens"] = [
        flags | {"id": tokens.index(token), "content": token} for token in special_tokens()
    ]
    return {
        "config.json": config,
        "generation_config.json": _glimpses("generation_config.json"),
        "processor_config.json": processor,
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": _glimpses("tokenizer_config.json") | {"model_max_length": CONTEXT},
    }


def _glimpses(file: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((GLIMPSE / "hf" / file).read_text(encoding="utf-8"))
    return document


def write_settings(folder: Path) -> Path:
    """A settings file with each model that is in the folder; returns its path."""
    lines = ["# VIEWFINDER_CONFIG=THIS_FILE viewfinder serve"]
    if (folder / MODEL).exists():
        for name in ("random-500m", "random-500m-64"):
            lines += [f"[models.{name}]", f"model = {json.dumps(str(folder / MODEL))}"]
            lines += [f"mmproj = {json.dumps(str(folder / PROJECTOR))}"]
        lines += ["[engine_for.random-500m-64]", f"image_tokens = {TILE_TOKENS}"]
    for place in sorted(folder.glob("transformers-*")):
        lines += [f"[models.random-500m-{place.name.removeprefix('transformers-')}]"]
        lines += [f"model = {json.dumps(str(place))}", 'engine = "transformers"']
    file = folder / SETTINGS
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--formats", nargs="+", choices=("gguf", "transformers"), default=["gguf"])
    arguments = parser.parse_args()
    folder: Path = arguments.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if "gguf" in arguments.formats:
        write_gguf(folder)
    if "transformers" in arguments.formats:
        write_transformers(folder)
    settings = write_settings(folder)
    for file in sorted((*folder.glob("*.gguf"), *folder.glob("*/model.safetensors"))):
        print(f"{file.stat().st_size / 1e6:8,.1f} MB  {file.relative_to(folder)}")
    print(f"Serve them: VIEWFINDER_CONFIG={settings} viewfinder serve")


if __name__ == "__main__":
    main()
