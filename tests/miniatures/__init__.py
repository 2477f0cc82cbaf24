"""Models of the catalog in small: the same architecture and layout of files, in a few hundred kilobytes.

Tests get them from the fixture `miniature_hub`. The two SmolVLM carry glimpse's weights and answer its
questions; the others carry random numbers, and only their plumbing can be judged: image tokens are
counted, another image gives another answer, the same image the same.
"""

SMOLVLM = "ggml-org/SmolVLM-500M-Instruct-GGUF"
SMOLVLM2 = "mlx-community/SmolVLM2-500M-Video-Instruct-mlx"
MOONDREAM2 = "vikhyatk/moondream2"
MOONDREAM2_TOKENIZER = "moondream/starmie-v1"
LLAVA_NEXT = "mlx-community/llava-v1.6-mistral-7b-4bit"
PHI35_VISION = "mlx-community/Phi-3.5-vision-instruct-4bit"
QWEN35 = "mlx-community/Qwen3.5-0.8B-MLX-4bit"
QWEN3_VL = "mlx-community/Qwen3-VL-8B-Instruct-4bit"
GEMMA4 = "mlx-community/gemma-4-e2b-it-4bit"
LFM2_VL = "mlx-community/LFM2.5-VL-450M-6bit"
INTERNVL35 = "bartowski/OpenGVLab_InternVL3_5-2B-GGUF"
GLM_OCR = "ggml-org/GLM-OCR-GGUF"
REPOS = (
    *(SMOLVLM, SMOLVLM2, MOONDREAM2, MOONDREAM2_TOKENIZER, LLAVA_NEXT, PHI35_VISION),
    *(QWEN35, QWEN3_VL, GEMMA4, LFM2_VL, INTERNVL35, GLM_OCR),
)
ALIKE = {
    "smolvlm-256m": "smolvlm-500m",
    "smolvlm2-2.2b": "smolvlm2-500m-video",
    "qwen3.5-2b": "qwen3.5-0.8b",
    "qwen3.5-4b": "qwen3.5-0.8b",
    "qwen3-vl-2b": "qwen3-vl-8b",
    "qwen3-vl-4b": "qwen3-vl-8b",
    "gemma-4-e4b": "gemma-4-e2b",
    "lfm2.5-vl-1.6b": "lfm2.5-vl-450m",
}
"""Cards whose architecture is that of a card with a miniature."""
NONE = {
    "glimpse": "It is small itself.",
    "minicpm-v-4.6": "Its slices and its merger are not made in small yet.",
    "gemma-3-4b": "It was replaced by Gemma 4, which has one.",
    "internvl3-2b": "It was replaced by InternVL3.5, which has one.",
    "qwen2.5-vl-3b": "It was replaced by Qwen3-VL, which has one.",
    "qwen2.5-vl-7b": "It was replaced by Qwen3-VL, which has one.",
}
"""Cards without a miniature, and why."""
