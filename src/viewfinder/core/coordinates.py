"""The styles in which models write boxes and points; named by model cards and by the settings of a user's own
models. `wire/coordinates` reads them."""

from typing import Literal

CoordinateStyle = Literal[
    "qwen2.5-vl",
    "qwen3-vl",
    "qwen2-vl",
    "moondream",
    "paligemma",
    "florence-2",
    "molmo",
    "internvl",
    "gemma",
    "lfm2.5-vl",
]
