"""Writes GGUF files with random weights; used by the builders of Moondream2, InternVL3.5 and GLM-OCR."""

from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np

from .glimpse import END, FIRST_WORD, IDS, SHARPNESS, START, TEXT_GGUF, chat_template


class Writer(gguf.GGUFWriter):
    """Adds layers of random numbers that keep the scale of their input."""

    def __init__(self, file: Path, name: str, architecture: str, *, seed: int) -> None:
        super().__init__(file, architecture)
        self.add_name(name)
        self.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
        self.numbers = np.random.default_rng(seed)

    def add_linear(self, name: str, outputs: int, inputs: int, *, bias: bool = True) -> None:
        weight = self.numbers.normal(size=(outputs, inputs)) / inputs**0.5
        weight *= SHARPNESS if "attn" in name else 1
        shift = self.numbers.normal(size=outputs) / 10
        if name == "output":
            weight[:FIRST_WORD], shift[:FIRST_WORD] = 0, 0
        self.add_tensor(f"{name}.weight", weight.astype(np.float16))
        if bias:
            self.add_tensor(f"{name}.bias", shift.astype(np.float32))

    def add_norm(self, name: str, width: int, *, bias: bool = True) -> None:
        self.add_tensor(f"{name}.weight", np.ones(width, np.float32))
        if bias:
            self.add_tensor(f"{name}.bias", np.zeros(width, np.float32))

    def add_table(self, name: str, *shape: int, type_: type[np.floating] = np.float16) -> None:
        self.add_tensor(f"{name}.weight", self.numbers.normal(size=shape).astype(type_))

    def add_glimpses_vocabulary(self, names: Mapping[int, str]) -> None:
        """Glimpse's tokens and template, with other names for some special tokens, by their ids."""
        fields = gguf.GGUFReader(TEXT_GGUF).fields
        tokens = fields["tokenizer.ggml.tokens"].contents()
        self.add_tokenizer_model("gpt2")
        self.add_tokenizer_pre("gpt-2")
        self.add_token_list([names.get(number, token) for number, token in enumerate(tokens)])
        self.add_token_types(fields["tokenizer.ggml.token_type"].contents())
        self.add_token_merges(fields["tokenizer.ggml.merges"].contents())
        self.add_bos_token_id(IDS[START])
        self.add_eos_token_id(IDS[END])
        self.add_add_bos_token(False)
        self.add_chat_template(chat_template().replace(END, names[IDS[END]]))

    def write(self) -> None:
        self.write_header_to_file()
        self.write_kv_data_to_file()
        self.write_tensors_to_file()
        self.close()
