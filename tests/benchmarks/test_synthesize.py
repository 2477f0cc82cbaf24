import json

import gguf
import numpy as np
from gguf.quants import dequantize

from benchmarks import synthesize
from benchmarks.synthesize import GLIMPSE, VOCABULARY, Tensor, tensors, vocabulary

_WHOLE = {one.name: one for one in tensors()}


def test_the_tensors_are_those_of_the_architecture_by_name() -> None:
    """Glimpse has the same architecture with fewer layers, in both formats."""
    with (GLIMPSE / "hf" / "model.safetensors").open("rb") as file:
        glimpses = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    assert set(glimpses) - {"__metadata__"} <= set(_WHOLE)
    for file in ("glimpse-f16.gguf", "mmproj-glimpse-f16.gguf"):
        names = {tensor.name for tensor in gguf.GGUFReader(GLIMPSE / file).tensors}
        assert names <= {one.gguf_name for one in _WHOLE.values()}


def test_the_files_are_as_large_as_the_published_ones() -> None:
    packed_bytes = {True: 34 / 32, False: 4}
    sizes = {True: 0.0, False: 0.0}
    for one in _WHOLE.values():
        sizes[one.in_projector] += packed_bytes[one.packed] * np.prod(one.shape)
    assert abs(sizes[False] / 436_806_912 - 1) < 0.01
    assert abs(sizes[True] / 108_783_360 - 1) < 0.01


def test_both_formats_have_the_same_numbers() -> None:
    for name in (
        "model.connector.modality_projection.proj.weight",
        "model.text_model.layers.3.mlp.up_proj.weight",
    ):
        one = _WHOLE[name]
        packed = dequantize(one.for_gguf(), gguf.GGMLQuantizationType.Q8_0)
        assert np.array_equal(packed, one.floats())


def test_rotary_rows_are_neighbours_for_llama_cpp() -> None:
    one = _WHOLE["model.text_model.layers.0.self_attn.k_proj.weight"]
    packed = dequantize(one.for_gguf(), gguf.GGMLQuantizationType.Q8_0)
    assert np.array_equal(packed[0], one.floats()[0])
    assert np.array_equal(packed[1], one.floats()[synthesize.HEAD // 2])
    assert np.array_equal(packed[2], one.floats()[1])


def test_a_layer_keeps_the_scale_of_its_input() -> None:
    one = Tensor("any", "blk.0.any.weight", (64, 960))
    given = np.random.default_rng(1).normal(size=960)
    assert 0.7 < np.std(one.floats() @ given) < 1.4


def test_the_vocabulary_has_every_token_once() -> None:
    tokens = vocabulary()
    assert len(set(tokens)) == len(tokens) == VOCABULARY
    assert {"ĊĊ", "<global-img>", "<row_4_col_4>"} <= set(tokens)
