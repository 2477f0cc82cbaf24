"""The published models in small: the same architecture and layout of files, in a few hundred kilobytes.

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
REPOS = (SMOLVLM, SMOLVLM2, MOONDREAM2, MOONDREAM2_TOKENIZER, LLAVA_NEXT, PHI35_VISION)
