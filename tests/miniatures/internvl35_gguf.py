"""InternVL3.5-2B's GGUF pair in small, with random weights: a Qwen3, and an InternViT with its projector.

The layout is that of llama.cpp's own converter (`convert_hf_to_gguf.py`, InternVisionModel).
"""

from pathlib import Path

import numpy as np

from . import glimpse
from .gguf_writer import Writer

TEXT_FILE = "OpenGVLab_InternVL3_5-2B-Q4_K_M.gguf"
PROJECTOR_FILE = "mmproj-OpenGVLab_InternVL3_5-2B-f16.gguf"
NAME = "internvl3.5-2b"
WIDE, BLOCKS, HEADS, HEAD = 64, 2, 2, 32
TOWER_WIDE, TOWER_BLOCKS, TOWER_HEADS = 32, 2, 2
SIDE_PX, PATCH_PX, MERGED = 112, 14, 2
"""A tile has 64 patches, of which four make an image token."""
NAMES = {2: "<|im_end|>", 3: "<IMG_CONTEXT>", 4: "<img>", 5: "</img>"}


def write_gguf(folder: Path) -> None:
    """Both files, under the names of the card."""
    _write_text(folder / TEXT_FILE)
    _write_projector(folder / PROJECTOR_FILE)


def _write_text(file: Path) -> None:
    writer = Writer(file, NAME, "qwen3", seed=5)
    writer.add_context_length(4096)
    writer.add_embedding_length(WIDE)
    writer.add_feed_forward_length(2 * WIDE)
    writer.add_block_count(BLOCKS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(1)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_glimpses_vocabulary(NAMES)
    writer.add_table("token_embd", glimpse.VOCABULARY, WIDE)
    for block in range(BLOCKS):
        for part, outputs, inputs in (
            ("attn_q", HEADS * HEAD, WIDE),
            ("attn_k", HEAD, WIDE),
            ("attn_v", HEAD, WIDE),
            ("attn_output", WIDE, HEADS * HEAD),
            ("ffn_gate", 2 * WIDE, WIDE),
            ("ffn_up", 2 * WIDE, WIDE),
            ("ffn_down", WIDE, 2 * WIDE),
        ):
            writer.add_linear(f"blk.{block}.{part}", outputs, inputs, bias=False)
        for part, width in (
            ("attn_norm", WIDE),
            ("ffn_norm", WIDE),
            ("attn_q_norm", HEAD),
            ("attn_k_norm", HEAD),
        ):
            writer.add_norm(f"blk.{block}.{part}", width, bias=False)
    writer.add_norm("output_norm", WIDE, bias=False)
    writer.add_linear("output", glimpse.VOCABULARY, WIDE, bias=False)
    writer.write()


def _write_projector(file: Path) -> None:
    writer = Writer(file, NAME, "clip", seed=6)
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.use_gelu", True)
    writer.add_string("clip.projector_type", "internvl")
    for name, number in (
        ("image_size", SIDE_PX),
        ("patch_size", PATCH_PX),
        ("embedding_length", TOWER_WIDE),
        ("feed_forward_length", 2 * TOWER_WIDE),
        ("projection_dim", WIDE),
        ("attention.head_count", TOWER_HEADS),
        ("block_count", TOWER_BLOCKS),
        ("projector.scale_factor", MERGED),
    ):
        writer.add_uint32(f"clip.vision.{name}", number)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-6)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
    merged = TOWER_WIDE * MERGED**2
    writer.add_norm("mm.model.mlp.0", merged)
    writer.add_linear("mm.model.mlp.1", WIDE, merged)
    writer.add_linear("mm.model.mlp.3", WIDE, WIDE)
    writer.add_tensor("v.class_embd", writer.numbers.normal(size=TOWER_WIDE).astype(np.float32))
    writer.add_table("v.position_embd", (SIDE_PX // PATCH_PX) ** 2 + 1, TOWER_WIDE, type_=np.float32)
    writer.add_table("v.patch_embd", TOWER_WIDE, 3, PATCH_PX, PATCH_PX)
    writer.add_tensor("v.patch_embd.bias", np.zeros(TOWER_WIDE, np.float32))
    for block in range(TOWER_BLOCKS):
        for part in ("attn_q", "attn_k", "attn_v", "attn_out"):
            writer.add_linear(f"v.blk.{block}.{part}", TOWER_WIDE, TOWER_WIDE)
        writer.add_linear(f"v.blk.{block}.ffn_up", 2 * TOWER_WIDE, TOWER_WIDE)
        writer.add_linear(f"v.blk.{block}.ffn_down", TOWER_WIDE, 2 * TOWER_WIDE)
        for part in ("ln1", "ln2"):
            writer.add_norm(f"v.blk.{block}.{part}", TOWER_WIDE)
        for part in ("ls1", "ls2"):
            writer.add_norm(f"v.blk.{block}.{part}", TOWER_WIDE, bias=False)
    writer.write()
