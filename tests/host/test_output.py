import logging
from pathlib import Path

from viewfinder.host.output import KEPT_LINE_BYTES, LEFT_OUT, TAIL_BYTES, Output, visible


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


def test_only_what_may_be_kept_of_a_line_is_kept(tmp_path):
    output = Output(tmp_path / "log")
    output.feed(b"loading secret\npar")
    output.keep_only(lambda line: line if line.startswith("fig") else "")
    rest = (b"tly\nfigure 1\nsec", b"ret\nsecret\r\n\nfigure 2\r\nsecret without an end")
    for data in rest:
        output.feed(data)
    assert output.tail(9).splitlines()[-1] == "figure 2"
    output.close()
    kept = (tmp_path / "log").read_bytes().splitlines(keepends=True)
    assert kept == [b"loading secret\n", b"par" + LEFT_OUT, b"figure 1\n", LEFT_OUT, b"figure 2\n", LEFT_OUT]
    assert output.total_bytes == 18 + sum(map(len, rest))


def test_an_endless_line_takes_no_memory_while_lines_are_filtered(tmp_path):
    output = Output(tmp_path / "log")
    output.keep_only(lambda line: line[:3])
    for _ in range(100):
        output.feed(b"abc" * 10_000)
    assert len(output._rest) <= KEPT_LINE_BYTES
    output.feed(b"\nxyz\n")
    assert output.tail(2) == "abc\nxyz"
    output.close()
