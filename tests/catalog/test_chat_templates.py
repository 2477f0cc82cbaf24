"""What a template has a place for, by its text, wherever a model keeps it."""

import json
from pathlib import Path

import pytest

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import WEIGHTS, ModelFiles
from viewfinder.catalog.chat_templates import facts_of, template_facts
from viewfinder.wire.tool_prompt import TemplateFacts

PLAIN = "{% for message in messages %}{{ message.role }}: {{ message.content }}{% endfor %}"
TOOLS = "{% if tools %}{{ tools | tojson }}{% endif %}" + PLAIN
BOTH = TOOLS + "{% for call in message.tool_calls %}{{ call }}{% endfor %}"
NO_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
)
VARIANT = Variant(name="x", engine="transformers", repo="tests/x", text=True, vision=False)


@pytest.mark.parametrize(
    ("template", "facts"),
    [
        (PLAIN, TemplateFacts()),
        ("Use the tools. " + PLAIN, TemplateFacts()),
        (TOOLS, TemplateFacts(tools=True)),
        (BOTH, TemplateFacts(tools=True, calls=True)),
        (NO_SYSTEM + PLAIN, TemplateFacts(system=False)),
        (PLAIN + "{% if enable_thinking is false %}...{% endif %}", TemplateFacts(thinking=True)),
        ("enable_thinking" + PLAIN + "{{ reasoning_effort }}", TemplateFacts(effort=True)),
    ],
)
def test_the_names_in_its_code_decide(template: str, facts: TemplateFacts) -> None:
    assert facts_of(template) == facts


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("chat_template.jinja", BOTH),
        ("chat_template.json", json.dumps({"chat_template": BOTH})),
        ("tokenizer_config.json", json.dumps({"chat_template": BOTH})),
        (
            "tokenizer_config.json",
            json.dumps({"chat_template": [{"name": "default", "template": PLAIN}, {"template": BOTH}]}),
        ),
    ],
)
def test_folders_of_the_hub(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert template_facts(VARIANT, ModelFiles(tmp_path)) == TemplateFacts(tools=True, calls=True)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"chat_template": 7}'])
def test_what_cannot_be_read_is_not_known(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer_config.json").write_text(content)
    assert template_facts(VARIANT, ModelFiles(tmp_path)) is None


def test_a_card_decides_before_the_file_and_glimpse_has_no_tools() -> None:
    files = ModelFiles(WEIGHTS / "glimpse" / "glimpse-f16.gguf")
    assert template_facts(VARIANT, files) == TemplateFacts()
    with_template = VARIANT.model_copy(update={"chat_template": TOOLS})
    assert template_facts(with_template, files) == TemplateFacts(tools=True)
