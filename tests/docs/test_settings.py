"""The page of settings: generated, current, and with every setting; its example is a file that is taken."""

import re
import tomllib
from pathlib import Path

from docs.generate.settings import write_settings
from viewfinder.core.config import Settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_committed_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == write_settings(), "Run: make docs"


def test_every_setting_has_a_row_or_a_section() -> None:
    page = write_settings()
    for name in Settings.model_fields:
        assert f"| `{name}` |" in page or f"## `[{name}" in page


def test_the_example_is_taken() -> None:
    found = re.search(r"```toml\n(.*?)```", write_settings(), re.DOTALL)
    assert found is not None
    settings = Settings(**tomllib.loads(found[1]))
    assert settings.aliases == {"gpt-4o": "glimpse"}
    assert settings.engine_of("mine").context_tokens == 8192
