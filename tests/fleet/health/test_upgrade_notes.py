"""What is kept to notice an upgrade, what changed in words, and how to go back."""

from dataclasses import replace
from pathlib import Path

from viewfinder.core.engine_settings import EngineSettings
from viewfinder.fleet.health.upgrade import MiniBench
from viewfinder.fleet.health.upgrade_notes import (
    KEPT_BENCHES,
    KEPT_REFERENCES,
    FileState,
    RanWith,
    UpgradeNote,
    UpgradeNotes,
    UpgradeReport,
    key_of,
    way_back,
    what_changed,
)
from viewfinder.host.hardware import this_machine

OLD = RanWith("llama.cpp", "1.0", {"xllamacpp": "1.0"}, "abc")
NEW = replace(OLD, version="2.0", packages={"xllamacpp": "2.0"})
BENCH = MiniBench({"r": "1"}, {"r": 0.5}, 0.01)


def report(model: str = "m", at_s: float = 5.0) -> UpgradeReport:
    return UpgradeReport(
        model, "v", "slower", "slower by 30 % (21 to 40 %)", "x 1 > 2", "pip install 'x==1'", at_s
    )


def test_a_package_goes_back_by_its_version() -> None:
    assert what_changed(OLD, NEW) == "xllamacpp 1.0 > 2.0"
    assert way_back(OLD, NEW) == "pip install 'xllamacpp==1.0'"
    then = RanWith("mlx", "0.7", {"mlx": "1", "mlx-vlm": "0.7", "transformers": "5"}, "abc")
    now = replace(then, version="0.8", packages={"mlx": "2", "mlx-vlm": "0.8", "transformers": "5"})
    assert what_changed(then, now) == "mlx 1 > 2, mlx-vlm 0.7 > 0.8"
    assert way_back(then, now) == "pip install 'mlx==1' 'mlx-vlm==0.7'"


def test_a_program_goes_back_by_the_setting_that_names_it() -> None:
    native = RanWith("llama.cpp", "native 2 (b)", {}, "abc")
    assert what_changed(OLD, native) == "llama.cpp 1.0 > native 2 (b)"
    assert way_back(OLD, native) == "remove engine.llama_server from the settings"
    former = replace(native, version="native 1 (a)")
    assert way_back(former, native) == "set engine.llama_server to the former program, native 1 (a)"


def test_files_go_back_from_where_they_are(tmp_path: Path) -> None:
    file = tmp_path / "old.gguf"
    file.write_bytes(b"old")
    then = replace(OLD, files=(FileState.of(file),))
    now = replace(OLD, weights="def")
    assert what_changed(then, now) == "the model's files changed"
    assert way_back(then, now) == f"the former file is still {file}"
    file.write_bytes(b"newer")
    assert way_back(then, now).startswith("put the former old.gguf (3 bytes, of ")
    assert way_back(then, now).endswith(f") back as {file}")
    hub = replace(then, repo="a/b", revision="f" * 40)
    assert way_back(hub, now) == f"hf download a/b --revision {'f' * 40}"
    assert FileState.of(tmp_path).size_bytes == 0  # a folder's own size says nothing


def test_all_that_changed_is_said() -> None:
    both = replace(NEW, weights="def")
    assert what_changed(OLD, both) == "xllamacpp 1.0 > 2.0, the model's files changed"


def test_an_upgrade_is_compared_once_with_the_engine_before(tmp_path: Path) -> None:
    note = UpgradeNote()
    assert note.former(OLD) is None
    note = note.with_bench(OLD, BENCH)
    assert note.former(OLD) is None
    former = note.former(NEW)
    assert former is not None
    assert former.identity == OLD
    note = note.with_bench(NEW, BENCH, report())
    assert note.former(NEW) is None
    assert note.report == report()


def test_an_engine_that_comes_back_is_compared_with_itself() -> None:
    mine = MiniBench({"r": "mine"}, {"r": 0.5}, 0.01)
    note = UpgradeNote().with_bench(OLD, mine).with_bench(NEW, BENCH, report())
    former = note.former(OLD)
    assert former is not None
    assert former.benches == (mine,)
    back = note.with_bench(OLD, mine)
    assert back.current is not None
    assert (back.current.identity, back.current.benches) == (OLD, (mine, mine))
    assert len(back.references) == 2


def test_where_a_file_lies_is_no_change() -> None:
    moved = replace(OLD, files=(FileState("/elsewhere", 1, 2.0),))
    assert UpgradeNote().with_bench(OLD, BENCH).former(moved) is None


def test_what_is_kept_is_limited() -> None:
    note = UpgradeNote()
    for number in range(7):
        note = note.with_bench(replace(OLD, version=f"{number // 2}"), BENCH)
    assert len(note.references) == KEPT_REFERENCES
    for _ in range(9):
        note = note.with_bench(OLD, BENCH)
    assert note.current is not None
    assert len(note.current.benches) == KEPT_BENCHES


def test_it_lasts_and_a_file_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    file = tmp_path / "upgrades.json"
    kept = UpgradeNotes(file)
    assert kept.get("m v 1") == UpgradeNote()
    note = UpgradeNote().with_bench(OLD, BENCH, report())
    kept.put("m v 1", note)
    kept.put("n v 1", note.with_bench(NEW, BENCH, report("n", 9.0)))
    kept.put("n v 2", note.with_bench(NEW, BENCH, report("n", 7.0)))
    again = UpgradeNotes(file)
    assert again.get("m v 1") == note
    assert again.reports() == [report("n", 9.0), report("m", 5.0)]  # one a variant, the newest first
    file.write_text('{"m v 1": {"references": 3}}')
    assert UpgradeNotes(file).get("m v 1") == UpgradeNote()


def test_other_settings_are_no_upgrade() -> None:
    plain, machine = EngineSettings(), this_machine()
    key = key_of("m", "v", plain, machine)
    assert key == key_of("m", "v", plain.model_copy(update={"llama_server": Path("/x")}), machine)
    for changed in ({"slots": 7}, {"cache_type": "q8_0"}):
        assert key != key_of("m", "v", plain.model_copy(update=changed), machine)
    assert key != key_of("m", "v", plain, machine.model_copy(update={"cpu": "another"}))


def test_a_sentence_says_how_to_go_back() -> None:
    assert report().sentence == "slower by 30 % (21 to 40 %) since x 1 > 2; to go back: pip install 'x==1'"
    fine = replace(report(), verdict="as before", says="as before (the same 8 answers)")
    assert fine.sentence == "as before (the same 8 answers) since x 1 > 2"
