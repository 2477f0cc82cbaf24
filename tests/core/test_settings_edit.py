"""Single settings are changed and taken back, and nothing else of the file is."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewfinder.core.settings_edit import NotEditable, taken_back, with_values

TABLE = ("engine_for", "glimpse")
VALUES = {"threads": 2, "flash_attention": "off"}
TEXTS = {
    "empty": "",
    "one blank line": "\n",
    "no line end": "port = 1",
    "a comment": "# mine\nport = 1 # the first\n\n\n",
    "the table": "[engine_for.glimpse]\nslots = 1\n\n[engine]\nthreads = 3\n",
    "the setting": "[engine_for.glimpse]\n  threads=4   # four # or so\n# end\n[engine]\nslots = 1\n",
    "quoted": '[ "engine_for" . "glimpse" ] # here\nthreads = 4\n',
    "crlf": "port = 1\r\n\r\n[engine_for.glimpse]\r\nthreads = 4 # x\r\n",
    "bom": "\ufeffport = 1\n",
    "a string like a header": 'host = """\n[engine_for.other]\n"""\n',
    "other models": "[engine_for.glimpse2]\nthreads = 4\n[[x]]\ny = 1\n",
}


def data(text: str) -> dict:
    return tomllib.loads(text.removeprefix("\ufeff"))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_the_values_are_there_and_everything_else_is_as_before(text: str) -> None:
    edit = with_values(text, TABLE, VALUES, "by tune")
    before, after = data(text), data(edit.text)
    assert after["engine_for"].pop("glimpse") == before.get("engine_for", {}).get("glimpse", {}) | VALUES
    before.get("engine_for", {}).pop("glimpse", None)
    after["engine_for"] = after["engine_for"] or None
    before["engine_for"] = before.get("engine_for") or None
    assert after == before
    for line in text.splitlines():
        assert line.strip() in edit.text or "threads" in line
        assert line.partition("#")[2] in edit.text, "comments stay, also behind a changed value"


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_taken_back_line_by_line_it_says_what_it_said(text: str) -> None:
    edit = with_values(text, TABLE, VALUES, "by tune")
    back = taken_back(edit.text, TABLE, edit)
    assert back.left == ()
    assert data(back.text) == data(text)
    assert back.text.rstrip() == text.rstrip()


def test_what_was_edited_since_stays() -> None:
    edit = with_values(TEXTS["the setting"], TABLE, VALUES, "by tune")
    now = edit.text.replace('flash_attention = "off"', 'flash_attention = "on"') + "\n[fleet]\nqueue = 9\n"
    back = taken_back(now, TABLE, edit)
    assert back.left == ("flash_attention",)
    assert data(back.text)["engine_for"]["glimpse"] == {"threads": 4, "flash_attention": "on"}
    assert data(back.text)["fleet"] == {"queue": 9}


def test_a_table_that_was_added_stays_where_the_user_added_to_it() -> None:
    edit = with_values("port = 1\n", TABLE, VALUES, "by tune")
    back = taken_back(edit.text + "slots = 1\n", TABLE, edit)
    assert data(back.text) == {"port": 1, "engine_for": {"glimpse": {"slots": 1}}}


@pytest.mark.parametrize(
    "text",
    [
        "engine_for = { glimpse = { threads = 4 } }\n",
        "engine_for.glimpse.threads = 4\n",
        "[engine_for]\nglimpse = { threads = 4 }\n",
        "[engine_for.glimpse]\nthreads = 4\nflash_attention = '''\non'''\n",
        "engine_for = 1\n",
    ],
)
def test_other_forms_are_left_to_a_person(text: str) -> None:
    with pytest.raises(NotEditable):
        with_values(text, TABLE, VALUES, "by tune")


_NAMES = st.text("ab-_. é\"'#[]=\\\n", min_size=1, max_size=6)


@given(
    name=_NAMES,
    lines=st.lists(st.sampled_from(["", "# c", "[a]", "x = 1", "[b.c]", 'y = "[engine]"']), max_size=8),
)
def test_whatever_the_file_has_it_is_changed_rightly_or_refused(name: str, lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        before = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    table = ("engine_for", name)
    try:
        edit = with_values(text, table, VALUES, "by tune")
    except NotEditable:
        return
    assert data(edit.text) == before | {"engine_for": {name: VALUES}}
    assert data(taken_back(edit.text, table, edit).text) == before
