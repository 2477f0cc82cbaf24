"""What a model's chat template has a place for, by its text; called by `fleet` where the engine does not say.

A template is a program of jinja. It is read, not run: what it does with the names `tools`, `tool_calls` and
"tool" shows whether it has a place for them.
"""

import re
from pathlib import Path
from typing import Any

import orjson

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.catalog.headers import check_gguf
from viewfinder.wire.tool_prompt import TemplateFacts

_KEY = "tokenizer.chat_template"
_FILES = ("chat_template.jinja", "chat_template.json", "processor_config.json", "tokenizer_config.json")
"""Where the hub's folders have it; an earlier one counts before a later one."""
_MAX_BYTES = 4 * 1024 * 1024
_CODE = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
_TOOLS = re.compile(r"\btools\b")
_CALLS = re.compile(r"\btool_calls\b")
_THINKING = re.compile(r"\benable_thinking\b")
_EFFORT = re.compile(r"\breasoning_effort\b")
_NO_SYSTEM = re.compile(r"raise_exception\([^)]*[Ss]ystem", re.DOTALL)


def template_facts(variant: Variant, files: ModelFiles) -> TemplateFacts | None:
    """The facts of the template that an engine would use; None when there is none to be read."""
    template = variant.chat_template or _in_files(files.model)
    return facts_of(template) if template else None


def facts_of(template: str) -> TemplateFacts:
    code = "\n".join(_CODE.findall(template))
    return TemplateFacts(
        tools=bool(_TOOLS.search(code)),
        calls=bool(_CALLS.search(code)),
        system=not _NO_SYSTEM.search(code),
        thinking=can_switch_thinking(template),
        effort=bool(_EFFORT.search(code)),
    )


def can_switch_thinking(template: str) -> bool:
    """Whether a request can turn the model's thinking on or off."""
    return any(_THINKING.search(code) for code in _CODE.findall(template))


def _in_files(model: Path) -> str:
    if not model.is_dir():
        return str(check_gguf(model).values.get(_KEY, "")) if model.suffix == ".gguf" else ""
    for name in _FILES:
        file = model / name
        if file.is_file() and file.stat().st_size <= _MAX_BYTES:
            content = file.read_bytes()
            if (
                template := content.decode("utf-8", "replace")
                if name.endswith(".jinja")
                else _of_json(content)
            ):
                return template
    return ""


def _of_json(content: bytes) -> str:
    """The template in a file of settings; of several, all: the libraries choose the one with tools."""
    try:
        settings: Any = orjson.loads(content)
    except ValueError:
        return ""
    template = settings.get("chat_template") if isinstance(settings, dict) else None
    if isinstance(template, list):
        return "\n".join(str(one.get("template", "")) for one in template if isinstance(one, dict))
    return template if isinstance(template, str) else ""
