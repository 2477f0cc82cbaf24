"""GLM-OCR's GGUF pair in small, with random weights: a GLM-4 with positions in three dimensions, a CogViT.

The layout is that of llama.cpp's own converter (`convert_hf_to_gguf.py`, Glm4VVisionModel).
"""

from pathlib import Path

import numpy as np

from . import glimpse
from .gguf_writer import Writer

TEXT_FILE, PROJECTOR_FILE = "GLM-OCR-Q8_0.gguf", "mmproj-GLM-OCR-Q8_0.gguf"
NAME = "glm-ocr"
WIDE, BLOCKS, HEADS, HEAD = 64, 2, 2, 32
TOWER_WIDE, TOWER_BLOCKS, TOWER_HEADS = 64, 2, 2
PATCH_PX = 14
NAMES = {2: "<|user|>", 3: "<|image|>", 4: "<|begin_of_image|>", 5: "<|end_of_image|>", 6: "<|endoftext|>"}


def write(folder: Path) -> None:
    """Both files, under the names of the card."""
    _write_text(folder / TEXT_FILE)
    _write_projector(folder / PROJECTOR_FILE)


def _write_text(file: Path) -> None:
    writer = Writer(file, NAME, "glm4", seed=7)
    writer.add_context_length(4096)
    writer.add_embedding_length(WIDE)
    writer.add_feed_forward_length(2 * WIDE)
    writer.add_block_count(BLOCKS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(1)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000)
    writer.add_rope_dimension_count(HEAD)
    writer.add_rope_dimension_sections([4, 6, 6, 0])
    writer.add_glimpses_vocabulary(NAMES)
    writer.add_table("token_embd", glimpse.VOCABULARY, WIDE)
    for block in range(BLOCKS):
        for part, outputs, inputs in (
            ("attn_q", HEADS * HEAD, WIDE),
            ("attn_k", HEAD, WIDE),
            ("attn_v", HEAD, WIDE),
            ("attn_output", WIDE, HEADS * HEAD),
            ("ffn_up", 4 * WIDE, WIDE),
            ("ffn_down", WIDE, 2 * WIDE),
        ):
            writer.add_linear(f"blk.{block}.{part}", outputs, inputs, bias=False)
        for part in ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"):
            writer.add_norm(f"blk.{block}.{part}", WIDE, bias=False)
    writer.add_norm("output_norm", WIDE, bias=False)
    writer.add_linear("output", glimpse.VOCABULARY, WIDE, bias=False)
    writer.write()


def _write_projector(file: Path) -> None:
    writer = Writer(file, NAME, "clip", seed=8)
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.use_silu", True)
    writer.add_string("clip.projector_type", "glm4v")
    for name, number in (
        ("image_size", 336),
        ("patch_size", PATCH_PX),
        ("embedding_length", TOWER_WIDE),
        ("feed_forward_length", 2 * TOWER_WIDE),
        ("projection_dim", WIDE),
        ("attention.head_count", TOWER_HEADS),
        ("block_count", TOWER_BLOCKS),
        ("spatial_merge_size", 2),
    ):
        writer.add_uint32(f"clip.vision.{name}", number)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
    writer.add_table("v.patch_embd", TOWER_WIDE, 3, PATCH_PX, PATCH_PX)
    half = writer.numbers.normal(size=(TOWER_WIDE, 3, PATCH_PX, PATCH_PX))
    writer.add_tensor("v.patch_embd.weight.1", half.astype(np.float16))
    writer.add_tensor("v.patch_embd.bias", np.zeros(TOWER_WIDE, np.float32))
    for block in range(TOWER_BLOCKS):
        writer.add_linear(f"v.blk.{block}.attn_qkv", 3 * TOWER_WIDE, TOWER_WIDE)
        writer.add_linear(f"v.blk.{block}.attn_out", TOWER_WIDE, TOWER_WIDE)
        for part in ("attn_q_norm", "attn_k_norm"):
            writer.add_norm(f"v.blk.{block}.{part}", TOWER_WIDE // TOWER_HEADS, bias=False)
        for part in ("ffn_gate", "ffn_up"):
            writer.add_linear(f"v.blk.{block}.{part}", 2 * TOWER_WIDE, TOWER_WIDE)
        writer.add_linear(f"v.blk.{block}.ffn_down", TOWER_WIDE, 2 * TOWER_WIDE)
        for part in ("ln1", "ln2"):
            writer.add_norm(f"v.blk.{block}.{part}", TOWER_WIDE, bias=False)
    writer.add_norm("v.post_ln", TOWER_WIDE, bias=False)
    writer.add_table("mm.patch_merger", WIDE, TOWER_WIDE, 2, 2)
    writer.add_tensor("mm.patch_merger.bias", np.zeros(WIDE, np.float32))
    writer.add_linear("mm.model.fc", WIDE, WIDE, bias=False)
    writer.add_norm("mm.post_norm", WIDE)
    for part in ("mm.gate", "mm.up"):
        writer.add_linear(part, 2 * WIDE, WIDE, bias=False)
    writer.add_linear("mm.down", WIDE, 2 * WIDE, bias=False)
    writer.write()
