"""Which settings llama.cpp could not start with, and which words of `engine.args` would change what
Viewfinder decides; pure, called by `llama_cpp`.

The names are those of llama.cpp's README for its server, build 10434 and later.
"""

import re

from viewfinder.core.engine_settings import EngineSettings

DEFAULT_BATCH = 2048
"""llama.cpp's own."""
_REFUSED = {
    "use the setting context_tokens": "-c --ctx-size --fit-ctx -fitc --kv-unified-per-slot",
    "use the setting slots": "-np --parallel",
    "use the setting threads": "-t --threads -tb --threads-batch",
    "use the setting image_tokens": "--image-max-tokens",
    "use the setting gpu_layers": "-ngl --gpu-layers --n-gpu-layers",
    "use the setting flash_attention": "-fa --flash-attn",
    "use the setting cache_type": "-ctk --cache-type-k -ctv --cache-type-v",
    "use the setting batch": "-b --batch-size",
    "use the setting micro_batch": "-ub --ubatch-size",
    "Viewfinder names the model's files, and checks them": (
        "-m --model -mu --model-url -dr --docker-repo -hf -hfr --hf-repo -hff --hf-file -hft --hf-token "
        "-hfd -hfrd --hf-repo-draft --spec-draft-hf -mm --mmproj -mmu --mmproj-url --mmproj-auto --no-mmproj "
        "--no-mmproj-auto --models-dir --models-preset --models-preset-hf --models-max --models-autoload "
        "--no-models-autoload"
    ),
    "the chat template is that of the model's card": (
        "--chat-template --chat-template-file --jinja --no-jinja --skip-chat-parsing --no-skip-chat-parsing"
    ),
    "Viewfinder decides where the server listens": (
        "--host --port --reuse-port --api-prefix --server-base --ssl-key-file --ssl-cert-file"
    ),
    "only Viewfinder may ask the server": (
        "--api-key --api-key-file --cors-origins --cors-methods --cors-headers --cors-credentials "
        "--no-cors-credentials --path --media-path --props --ui --webui --no-ui --no-webui --ui-config "
        "--webui-config --ui-config-file --webui-config-file -a --alias"
    ),
    "Viewfinder needs the server's slots": "--slots --no-slots --slot-save-path --sleep-idle-seconds",
    "the prompt cache has mixed up images": "-cram --cache-ram --cache-idle-slots",
    "an engine is never online": "--offline",
    "the server would run programs": (
        "--tools --tools-runtime --mcp-servers-config --mcp-servers-json --ui-mcp-proxy --webui-mcp-proxy "
        "-ag --agent"
    ),
    "requests would be written to disk": "--log-file --log-prompts-dir -lcd --lookup-cache-dynamic",
    "Viewfinder reads the server's log": (
        "--log-disable --log-jsonl --log-colors --log-prefix --no-log-prefix "
        "--log-timestamps --no-log-timestamps -v --verbose --log-verbose -lv --verbosity "
        "--log-verbosity --verbose-prompt"
    ),
    "the server would not chat": "--embedding --embeddings --rerank --reranking --pooling",
    "the program would print it and end": (
        "-h --help --usage --version -cl --cache-list --completion-bash --list-devices"
    ),
}
_REASONS = {name: why for why, names in _REFUSED.items() for name in names.split()}
_DOWNLOADS = re.compile(r"--(fim|gpt-oss|vision|embd)-\S+-(default|spec)")
"""Names for whole models of the hub."""
_QUANTIZED = re.compile(r"(q|iq)\d")


def unusable(settings: EngineSettings) -> dict[str, str]:
    """The settings with which llama.cpp could start no model, each with the reason."""
    reasons = {}
    if settings.flash_attention == "off" and _QUANTIZED.match(settings.cache_type):
        reasons["cache_type"] = f"{settings.cache_type} needs flash attention, and flash_attention is off"
    if 0 < settings.batch < settings.slots:
        reasons["batch"] = f"{settings.slots} slots need a batch of at least {settings.slots} tokens"
    batch = settings.batch or DEFAULT_BATCH
    if settings.micro_batch > batch:
        reasons["micro_batch"] = f"{settings.micro_batch} is more than batch, which is {batch}"
    if settings.args and settings.llama_server is None:
        reasons["args"] = "they are for a native llama-server, and engine.llama_server names none"
    elif refused := next(filter(None, map(refusal, settings.args)), ""):
        reasons["args"] = refused
    return reasons


def refusal(word: str) -> str:
    """Why this word may not be on the command line of a llama-server, naming it; empty: it may."""
    name = word.partition("=")[0]
    if name.startswith("--"):
        name = name.replace("_", "-")  # as llama.cpp reads it
    why = _REASONS.get(name, "")
    if _DOWNLOADS.fullmatch(name):
        why = "it stands for a model of the hub"
    return f"{name} is not allowed: {why}" if why else ""
