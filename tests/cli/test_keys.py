"""`viewfinder keys`: a key is printed once, to stdout alone."""

import json

from typer.testing import CliRunner

from viewfinder.cli.main import app
from viewfinder.core import paths


def run(*words: str) -> tuple[str, str]:
    done = CliRunner().invoke(app, ["keys", *words], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout, done.stderr


def test_a_key_is_added_listed_and_removed() -> None:
    key, said = run("add", "phone")
    assert key.startswith("vf-")
    assert key.strip() not in said
    assert "x-api-key" in said
    listed, _ = run()
    assert "phone" in listed
    assert key.strip() not in listed + paths.keys_file().read_text()
    [one] = json.loads(run("--json")[0])
    assert one["name"] == "phone"
    run("rm", "phone")
    assert json.loads(run("--json")[0]) == []
    assert "viewfinder keys add NAME" in run()[1]


def test_admin_keys_are_listed_as_such() -> None:
    run("add", "desk", "--admin")
    run("add", "phone")
    assert {one["name"]: one["admin"] for one in json.loads(run("--json")[0])} == {
        "desk": True,
        "phone": False,
    }
    lines = run()[0].splitlines()
    assert [(line.split()[0], line.split()[-1]) for line in lines[1:]] == [
        ("desk", "admin"),
        ("phone", "ask"),
    ]
