"""Builds every miniature into a hub's cache below the folder that is named.

Called by `cache` as a process of its own, because mlx is slow to import and remembers seeds.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from . import (
    GEMMA4,
    GLM_OCR,
    INTERNVL35,
    LFM2_VL,
    LLAVA_NEXT,
    MOONDREAM2,
    MOONDREAM2_TOKENIZER,
    PHI35_VISION,
    QWEN3_VL,
    QWEN35,
    SMOLVLM,
    SMOLVLM2,
    glmocr_gguf,
    internvl35_gguf,
    llava_next,
    moondream2,
    phi35_vision,
    smolvlm,
    today,
)
from .hub import publish

BUILDERS: dict[str, Callable[[Path], None]] = {
    SMOLVLM: smolvlm.write_gguf,
    SMOLVLM2: smolvlm.write_mlx,
    MOONDREAM2: moondream2.write,
    MOONDREAM2_TOKENIZER: moondream2.write_tokenizer,
    LLAVA_NEXT: llava_next.write,
    PHI35_VISION: phi35_vision.write,
    QWEN35: today.write_qwen35,
    QWEN3_VL: today.write_qwen3_vl,
    GEMMA4: today.write_gemma4,
    LFM2_VL: today.write_lfm2_vl,
    INTERNVL35: internvl35_gguf.write_gguf,
    GLM_OCR: glmocr_gguf.write,
}
ABSENT = {MOONDREAM2_TOKENIZER: ("config.json",)}
"""Files that libraries look for though the repository has none."""


def main(home: Path) -> None:
    for repo, build in BUILDERS.items():
        with tempfile.TemporaryDirectory(dir=home) as folder:
            build(Path(folder))
            publish(home, repo, Path(folder), absent=ABSENT.get(repo, ()))


main(Path(sys.argv[1]))
