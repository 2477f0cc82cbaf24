import subprocess
import sys
from pathlib import Path

from viewfinder.host.arguments import started_with


def test_a_program_that_was_started_with_a_file_of_a_folder_is_named(tmp_path: Path) -> None:
    assert started_with(tmp_path) is None
    sleeps = [sys.executable, "-c", "input()", str(tmp_path / "model.gguf")]
    with subprocess.Popen(sleeps, stdin=subprocess.PIPE) as process:
        found = started_with(tmp_path)
        assert found is not None
        assert found[0] == process.pid
        process.kill()
