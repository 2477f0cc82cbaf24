"""What a browser gets beside the pages: few files, small, ours, and known."""

import hashlib
from pathlib import Path

from viewfinder.dashboard.render import STATIC, TEMPLATES

FROM_NPM = {
    "htmx.min.js": "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
    "htmx-sse.min.js": "98a46496de0c3605fbffdce9167ba427bdd9553184f83f149c261891a92c0136",
}
MOST_LINES, MOST_BYTES = 300, 200_000


def test_our_own_scripts_have_at_most_300_lines() -> None:
    own = [file for file in STATIC.glob("*.js") if file.name not in FROM_NPM]
    lines = {file.name: len(file.read_text(encoding="utf-8").splitlines()) for file in own}
    assert sum(lines.values()) <= MOST_LINES, lines
    assert all(len(line) <= 110 for file in own for line in file.read_text(encoding="utf-8").splitlines())


def test_all_files_together_weigh_less_than_200_kb() -> None:
    sizes = {file.name: file.stat().st_size for file in (*STATIC.iterdir(), *TEMPLATES.iterdir())}
    assert sum(sizes.values()) < MOST_BYTES, sizes


def test_what_is_of_others_is_as_they_published_it() -> None:
    for name, digest in FROM_NPM.items():
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest, name
    listed = {line.split()[0] for line in (STATIC / "vendored.txt").read_text().splitlines()}
    assert listed == set(FROM_NPM)


def test_no_template_has_a_script_or_a_style_of_its_own() -> None:
    """The Content-Security-Policy would stop them, and nobody would see why."""
    for file in TEMPLATES.iterdir():
        text = file.read_text(encoding="utf-8")
        assert " style=" not in text, file.name
        assert "<style" not in text, file.name
        assert " onclick=" not in text, file.name
        assert text.count("<script") == text.count('<script src="/static/'), file.name
        assert "hx-on" not in text, file.name


def test_nothing_comes_from_elsewhere() -> None:
    for folder in (STATIC, TEMPLATES):
        for file in folder.iterdir():
            if file.name not in FROM_NPM:
                assert not _outside(file), file.name


def _outside(file: Path) -> list[str]:
    """Addresses on the web that the file would load; that of SVG's namespace is only a name."""
    text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    return [word for word in ('src="http', 'href="http', "url(http", "@import") if word in text]
