"""Writes the trained weights for the engines: a GGUF pair for llama.cpp, a Hugging Face folder for
MLX and transformers; called by `training.__main__`.

Both hold the same float16 numbers. The GGUF files are written with the `gguf` package directly.
"""

import json
from pathlib import Path

import gguf
import numpy as np
import torch
from transformers import (
    GenerationConfig,
    Idefics3ForConditionalGeneration,
    Idefics3Processor,
    PreTrainedTokenizerFast,
)
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

from training.model import LONGEST_EDGE, PATCH, SCALE, TILE
from training.tokens import CHAT_TEMPLATE, END, IMAGE_TOKENS, PAD, SPECIAL, START

MODEL_FILE, PROJECTOR_FILE, FOLDER = "glimpse-f16.gguf", "mmproj-glimpse-f16.gguf", "hf"


def export(model: Idefics3ForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write all files into `folder`, replacing existing ones."""
    folder.mkdir(parents=True, exist_ok=True)
    model = model.to(torch.float16)
    _write_hugging_face(model, tokenizer, folder / FOLDER)
    _write_text(model, tokenizer, folder / MODEL_FILE)
    _write_projector(model, folder / PROJECTOR_FILE)


def _write_hugging_face(
    model: Idefics3ForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, folder: Path
) -> None:
    eos, pad, bos = (tokenizer.convert_tokens_to_ids(token) for token in (END, PAD, START))
    model.generation_config = GenerationConfig(eos_token_id=eos, pad_token_id=pad, bos_token_id=bos)
    model.save_pretrained(folder)
    images = _image_processor()
    processor = Idefics3Processor(images, tokenizer, image_seq_len=IMAGE_TOKENS, chat_template=CHAT_TEMPLATE)
    processor.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _image_processor() -> Idefics3ImageProcessorPil:
    return Idefics3ImageProcessorPil(
        size={"longest_edge": LONGEST_EDGE},
        max_image_size={"longest_edge": TILE},
        do_image_splitting=True,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )


def _write_text(
    model: Idefics3ForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, file: Path
) -> None:
    config = model.config.text_config
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_name("glimpse")
    writer.add_license("apache-2.0")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_rope_freq_base(10000.0)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    _add_vocabulary(writer, tokenizer, config.vocab_size)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    state = {f"model.{key}": value for key, value in model.model.text_model.state_dict().items()}
    for key, value in (state | {"lm_head.weight": model.lm_head.weight}).items():
        array = value.detach().float().numpy()
        if key.endswith("q_proj.weight"):
            array = _interleave(array, config.num_attention_heads)
        if key.endswith("k_proj.weight"):
            array = _interleave(array, config.num_key_value_heads)
        _add_tensor(writer, names, key, array)
    _finish(writer)


def _interleave(array: np.ndarray, heads: int) -> np.ndarray:
    """Rotary halves to rotary pairs: llama.cpp's Llama rotates neighbours, transformers rotates halves."""
    rows, columns = array.shape
    halves = array.reshape(heads, 2, rows // heads // 2, columns)
    return halves.swapaxes(1, 2).reshape(rows, columns)


def _add_vocabulary(writer: gguf.GGUFWriter, tokenizer: PreTrainedTokenizerFast, size: int) -> None:
    by_id = {number: token for token, number in tokenizer.get_vocab().items()}
    control = set(SPECIAL)
    tokens = [by_id[number] for number in range(size)]
    kinds = [gguf.TokenType.CONTROL if token in control else gguf.TokenType.NORMAL for token in tokens]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(_merges(tokenizer))
    writer.add_bos_token_id(tokenizer.convert_tokens_to_ids(START))
    writer.add_eos_token_id(tokenizer.convert_tokens_to_ids(END))
    writer.add_pad_token_id(tokenizer.convert_tokens_to_ids(PAD))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def _merges(tokenizer: PreTrainedTokenizerFast) -> list[str]:
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    return [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]


def _write_projector(model: Idefics3ForConditionalGeneration, file: Path) -> None:
    config = model.config.vision_config
    writer = gguf.GGUFWriter(file, "clip")
    writer.add_type("mmproj")
    writer.add_name("glimpse")
    writer.add_license("apache-2.0")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_projector_type("idefics3")
    writer.add_vision_projection_dim(model.config.text_config.hidden_size)
    writer.add_vision_image_size(TILE)
    writer.add_vision_preproc_image_size(LONGEST_EDGE)
    writer.add_vision_patch_size(PATCH)
    writer.add_vision_embedding_length(config.hidden_size)
    writer.add_vision_feed_forward_length(config.intermediate_size)
    writer.add_vision_block_count(config.num_hidden_layers)
    writer.add_vision_head_count(config.num_attention_heads)
    writer.add_vision_attention_layernorm_eps(config.layer_norm_eps)
    writer.add_vision_image_mean([0.5] * 3)
    writer.add_vision_image_std([0.5] * 3)
    writer.add_vision_use_gelu(True)
    writer.add_vision_projector_scale_factor(SCALE)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.MMPROJ, config.num_hidden_layers)
    parts = {"vision_model": model.model.vision_model, "connector": model.model.connector}
    for part, module in parts.items():
        for key, value in module.state_dict().items():
            _add_tensor(writer, names, f"model.{part}.{key}", value.detach().float().numpy())
    _finish(writer)


def _add_tensor(writer: gguf.GGUFWriter, names: gguf.TensorNameMap, key: str, array: np.ndarray) -> None:
    name = names.get_name(key, try_suffixes=(".weight", ".bias"))
    if name is None:
        raise KeyError(f"GGUF has no name for {key}")
    full = array.ndim == 1 or "position_embd" in name
    writer.add_tensor(name, np.ascontiguousarray(array, np.float32 if full else np.float16))


def _finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
