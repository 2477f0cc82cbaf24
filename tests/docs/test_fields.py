"""The page of fields: generated, current, and with every field of the table."""

from pathlib import Path

from docs.generate.fields import write_fields
from viewfinder.wire.fields import FIELDS

PAGE = Path(__file__).parents[2] / "docs" / "fields.md"


def test_the_committed_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == write_fields(), "Run: make docs"


def test_every_field_is_on_it() -> None:
    page = write_fields()
    for field in FIELDS:
        assert f"| `{field.name}` |" in page
        assert field.says.replace("<", "\\<") in page
