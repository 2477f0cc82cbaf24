"""Moondream2's GGUF pair in small: what its publisher's script writes, with random weights.

The layout is that of `create_gguf.py` in vikhyat/moondream: a phi2, and a SigLIP tower with the
projector of LLaVA-1.5. There is no chat template in it.
"""

from pathlib import Path

import gguf
import numpy as np

from . import glimpse
from .gguf_writer import Writer

TEXT_FILE, PROJECTOR_FILE = "moondream2-text-model-f16.gguf", "moondream2-mmproj-f16.gguf"
WIDE, BLOCKS, HEADS = 64, 2, 2
TOWER_WIDE, TOWER_BLOCKS, TOWER_HEADS = 32, 2, 2
SIDE_PX, PATCH_PX = 98, 14
"""49 image tokens."""


def write_pair(folder: Path, end_token: str) -> None:
    """Both files; `end_token` stands in the place of glimpse's padding."""
    _write_text(folder / TEXT_FILE, end_token)
    _write_projector(folder / PROJECTOR_FILE)


def _write_text(file: Path, end_token: str) -> None:
    writer = Writer(file, "moondream2", "phi2", seed=3)
    writer.add_context_length(2048)
    writer.add_embedding_length(WIDE)
    writer.add_feed_forward_length(2 * WIDE)
    writer.add_block_count(BLOCKS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_eps(1e-5)
    writer.add_rope_dimension_count(WIDE // HEADS // 2)
    _add_vocabulary(writer, end_token)
    writer.add_table("token_embd", glimpse.VOCABULARY, WIDE)
    for block in range(BLOCKS):
        writer.add_norm(f"blk.{block}.attn_norm", WIDE)
        writer.add_linear(f"blk.{block}.attn_qkv", 3 * WIDE, WIDE)
        writer.add_linear(f"blk.{block}.attn_output", WIDE, WIDE)
        writer.add_linear(f"blk.{block}.ffn_up", 2 * WIDE, WIDE)
        writer.add_linear(f"blk.{block}.ffn_down", WIDE, 2 * WIDE)
    writer.add_norm("output_norm", WIDE)
    writer.add_linear("output", glimpse.VOCABULARY, WIDE)
    writer.write()


def _add_vocabulary(writer: Writer, end_token: str) -> None:
    fields = gguf.GGUFReader(glimpse.TEXT_GGUF).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([end_token, *tokens[1:]])
    writer.add_token_types(fields["tokenizer.ggml.token_type"].contents())
    writer.add_token_merges(fields["tokenizer.ggml.merges"].contents())
    for add in (writer.add_bos_token_id, writer.add_eos_token_id, writer.add_unk_token_id):
        add(0)
    writer.add_add_bos_token(False)


def _write_projector(file: Path) -> None:
    writer = Writer(file, "moondream2", "clip", seed=4)
    for name, value in (
        ("clip.has_text_encoder", False),
        ("clip.has_vision_encoder", True),
        ("clip.has_llava_projector", True),
        ("clip.use_gelu", True),
    ):
        writer.add_bool(name, value)
    writer.add_string("clip.projector_type", "mlp")
    for name, number in (
        ("image_size", SIDE_PX),
        ("patch_size", PATCH_PX),
        ("embedding_length", TOWER_WIDE),
        ("feed_forward_length", 2 * TOWER_WIDE),
        ("projection_dim", WIDE),
        ("attention.head_count", TOWER_HEADS),
        ("block_count", TOWER_BLOCKS),
    ):
        writer.add_uint32(f"clip.vision.{name}", number)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-6)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
    writer.add_linear("mm.0", 2 * WIDE, TOWER_WIDE)
    writer.add_linear("mm.2", WIDE, 2 * WIDE)
    patches = (SIDE_PX // PATCH_PX) ** 2
    writer.add_table("v.position_embd", patches, TOWER_WIDE)
    writer.add_table("v.patch_embd", TOWER_WIDE, 3, PATCH_PX, PATCH_PX)
    writer.add_tensor("v.patch_embd.bias", np.zeros(TOWER_WIDE, np.float32))
    writer.add_norm("v.post_ln", TOWER_WIDE)
    for block in range(TOWER_BLOCKS):  # the last is not used: llama.cpp's LLaVA leaves it out
        for part in ("attn_q", "attn_k", "attn_v", "attn_out"):
            writer.add_linear(f"v.blk.{block}.{part}", TOWER_WIDE, TOWER_WIDE)
        for part in ("ln1", "ln2"):
            writer.add_norm(f"v.blk.{block}.{part}", TOWER_WIDE)
        # The publisher's script has these two names the wrong way round, and llama.cpp knows it.
        writer.add_linear(f"v.blk.{block}.ffn_down", 2 * TOWER_WIDE, TOWER_WIDE)
        writer.add_linear(f"v.blk.{block}.ffn_up", TOWER_WIDE, 2 * TOWER_WIDE)
    writer.write()
