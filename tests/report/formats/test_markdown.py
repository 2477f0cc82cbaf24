"""Markdown's words, read back with a Markdown parser."""

import pytest
from markdown_it import MarkdownIt

from viewfinder.report.formats.markdown import code, fenced, table, text

HOSTILE = [
    "a | b",
    "`tick` and ``two``",
    "[link](http://x) ![img](y)",
    "<script>alert(1)</script>",
    "**bold** _it_ snake_case_name ~~gone~~",
    "line\nbreak\r\n# heading",
    "back\\slash \\| pipe",
    "$(touch x) [^1]",
    "trailing `",
]


def plain(markdown: str) -> str:
    """The text that a reader sees, and a failure when anything but text or code came out."""
    inline = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parseInline(markdown)[0]
    kinds = {child.type for child in inline.children or ()}
    assert kinds <= {"text", "code_inline"}, kinds
    return "".join(child.content for child in inline.children or ())


@pytest.mark.parametrize("words", HOSTILE)
def test_text_is_shown_as_it_is(words: str) -> None:
    assert plain(text(words)) == " ".join(words.split())


@pytest.mark.parametrize("words", HOSTILE)
def test_cells_stay_in_their_table(words: str) -> None:
    rendered = (
        MarkdownIt("commonmark")
        .enable("table")
        .parse(table(("a", "b"), [(text(words), code(words)), ("x", "y")]))
    )
    assert [token.type for token in rendered].count("td_open") == 4
    assert not [token for token in rendered if token.type == "html_block"]
    cells = [token for token in rendered if token.type == "inline"]
    code_cell = cells[3].children or []
    assert [child.type for child in code_cell] == ["code_inline"]
    assert code_cell[0].content.strip() == " ".join(words.split())


@pytest.mark.parametrize("words", HOSTILE)
def test_code_to_copy_stays_in_its_block(words: str) -> None:
    lines = f"{words}\n```\n````\nend"
    (block,) = MarkdownIt("commonmark").parse(fenced(lines, "sh"))
    assert (block.type, block.info, block.content) == ("fence", "sh", lines.replace("\r", "") + "\n")
