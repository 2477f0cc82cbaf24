import logging
from pathlib import Path

from viewfinder.host.output import TAIL_BYTES, Output, visible


def test_keeps_the_last_lines(tmp_path):
    output = Output(tmp_path / "log")
    output.feed(b"one\ntw")
    output.feed(b"o\nthree\n")
    assert output.tail(2) == "two\nthree"
    assert output.tail(9) == "one\ntwo\nthree"
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\nthree\n"
    assert output.total_bytes == 14
    output.close()


def test_the_tail_is_bounded_though_no_line_ever_ends(tmp_path):
    output = Output(tmp_path / "log")
    for _ in range(40):
        output.feed(b"\xff" * 4096)
    assert len(output.tail(1)) == TAIL_BYTES
    output.close()


def test_a_full_file_is_rotated_and_one_old_is_kept(tmp_path):
    output = Output(tmp_path / "log", file_bytes=10)
    for number in range(5):
        output.feed(b"line %d\n" % number)
    output.close()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {
        "log": b"line 4\n",
        "log.1": b"line 3\n",
    }


def test_a_restarted_engine_adds_to_its_file(tmp_path):
    for word in (b"first\n", b"second\n"):
        output = Output(tmp_path / "log", file_bytes=12)
        output.feed(word)
        output.close()
    assert (tmp_path / "log").read_bytes() == b"second\n"
    assert (tmp_path / "log.1").read_bytes() == b"first\n"


def test_a_full_disk_costs_the_file_and_nothing_else(caplog):
    output = Output(Path("/dev/full"))
    with caplog.at_level(logging.WARNING):
        output.feed(b"one\n")
        output.feed(b"two\n")
    assert output.tail(5) == "one\ntwo"
    assert len(caplog.records) == 1
    assert "No space left" in caplog.text
    output.close()


def test_a_folder_that_is_gone_costs_the_file_and_nothing_else(tmp_path, caplog):
    output = Output(tmp_path / "gone" / "log")
    output.feed(b"one\n")
    assert output.tail(5) == "one"
    assert "No such file" in caplog.text


def test_what_a_terminal_would_obey_is_spelled_out():
    said = "ok\ttab \x1b[31mred \x1b]0;title\x07 \x9b2J \u202ertl \u200b é 東 'q\" \\"
    assert visible(said) == (
        "ok\ttab \\x1b[31mred \\x1b]0;title\\x07 \\x9b2J \\u202ertl \\u200b é 東 'q\" \\"
    )
