"""Glimpse's files, which the miniatures are made of: its weights for two of them, its vocabulary for all."""

import json
from typing import Any

from viewfinder.catalog.catalog import WEIGHTS

FILES = WEIGHTS / "glimpse"
FOLDER = FILES / "hf"
TEXT_GGUF, PROJECTOR_GGUF = FILES / "glimpse-f16.gguf", FILES / "mmproj-glimpse-f16.gguf"
VOCABULARY, FIRST_WORD = 640, 266
"""The vocabulary begins with special tokens and single bytes, then come syllables and words."""
SHARPNESS = 2
"""The factor of random attention: without it attention averages an image, and all images look alike."""
PAD, START, END, IMAGE = "<pad>", "<|im_start|>", "<end_of_utterance>", "<image>"
IDS = {PAD: 0, START: 1, END: 2, IMAGE: 3}


def read(name: str) -> dict[str, Any]:
    """One of the Hugging Face folder's JSON files."""
    document: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return document


def chat_template() -> str:
    return (FOLDER / "chat_template.jinja").read_text(encoding="utf-8")


def tokenizer(processor: str, chat_template: str | None = None) -> dict[str, Any]:
    """The files of glimpse's tokenizer for another model's processor and template."""
    settings = read("tokenizer_config.json") | {"processor_class": processor}
    if chat_template is not None:
        settings["chat_template"] = chat_template
    return {"tokenizer.json": read("tokenizer.json"), "tokenizer_config.json": settings}
