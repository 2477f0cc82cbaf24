"""The words of the project, against `docs/WORDS.md`: names, constants, paths in comments, and every text."""

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src" / "viewfinder"

CONTRACTS = {
    "COUNTS": "what the suites mean for a measure, in the folder of every measure",
    "MEASURE": "what the folder of every measure offers",
    "METHOD": "how a measure was made, in sentences of the guide, in its `page.py`",
}
"""Names of constants that many modules define because a contract says so."""

ALLOWED: dict[tuple[str, str], str] = {}
"""(file, phrase): the reason why that file may hold a phrase that WORDS.md forbids."""


SOURCES = sorted(SRC.rglob("*.py"))
TEXTS = [
    file
    for file in (
        *sorted(SRC.rglob("*")),
        *(ROOT / name for name in ("README.md", "CHANGELOG.md", "MODEL_CARD.md")),
        *sorted((ROOT / "docs").rglob("*")),
        *sorted((ROOT / "training").rglob("*.py")),
        *sorted((ROOT / "benchmarks").rglob("*.py")),
    )
    if file.suffix in {".py", ".toml", ".j2", ".md", ".html"} and file.name != "WORDS.md"
]


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def _never(where: str) -> list[str]:
    """The phrases that the last table of WORDS.md forbids in texts or in names."""
    table = (ROOT / "docs" / "WORDS.md").read_text().partition("## Instead of")[2]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "|" in line
    ]
    return [word.strip() for row in rows if where in row[2] for word in row[0].split(",")]


def _assigned(module: ast.Module) -> Iterator[str]:
    for statement in module.body:
        if isinstance(statement, ast.Assign):
            yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id


def _types(module: ast.Module) -> Iterator[str]:
    """Public classes and type aliases; a type variable of one letter is neither."""
    yield from (node.name for node in module.body if isinstance(node, ast.ClassDef))
    yield from (name for name in _assigned(module) if re.fullmatch(r"[A-Z]+[a-z]\w*", name))


def _repeated(names_of: str) -> dict[str, list[str]]:
    homes: dict[str, list[str]] = defaultdict(list)
    for file in SOURCES:
        module = _tree(file)
        names = _types(module) if names_of == "types" else _constants(module)
        for name in names:
            if not name.startswith("_"):
                homes[name].append(str(file.relative_to(SRC)))
    return {name: files for name, files in homes.items() if len(files) > 1}


def _constants(module: ast.Module) -> Iterator[str]:
    for name in _assigned(module):
        if re.fullmatch(r"[A-Z][A-Z0-9_]+", name) and name not in CONTRACTS:
            yield name


def test_no_public_class_or_type_alias_is_defined_twice() -> None:
    """Thirteen were, `Finding`, `Place` and `Endpoint` among them: one word for two things."""
    assert _repeated("types") == {}


def test_no_public_constant_is_defined_twice() -> None:
    """`AT_LEAST` stood in eight modules with eight meanings. What means the same is imported."""
    assert _repeated("constants") == {}


def test_no_class_and_no_module_has_a_name_that_the_dictionary_forbids() -> None:
    never = set(_never("names"))
    bad = []
    for file in SOURCES:
        names = [file.stem, *(node.name for node in ast.walk(_tree(file)) if isinstance(node, ast.ClassDef))]
        for name in names:
            parts = {part.lower() for part in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}
            if parts & never:
                bad.append(f"{file.relative_to(SRC)}: {name}")
    assert bad == []


@pytest.mark.parametrize("phrase", _never("text"))
def test_no_text_holds_a_phrase_that_the_dictionary_forbids(phrase: str) -> None:
    pattern = re.compile(rf"\b{phrase}\b".replace(" ", r"[\s#]+"), re.IGNORECASE)
    bad = [
        f"{file.relative_to(ROOT)}:{len(text[: match.start()].splitlines()) + 1}"
        for file in TEXTS
        if (str(file.relative_to(ROOT)), phrase) not in ALLOWED
        for text in [file.read_text()]
        for match in pattern.finditer(text)
    ]
    assert bad == []


def _prose(file: Path) -> Iterator[str]:
    """Docstrings, those of attributes too, and comments."""
    for node in ast.walk(_tree(file)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.value.value
    for token in tokenize.generate_tokens(io.StringIO(file.read_text()).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def _mentions(module: Path, name: str) -> bool:
    """Whether a module defines or uses a name, as a variable, a function, a class or an attribute."""
    return re.search(rf"\b{name}\b", module.read_text()) is not None


def _is_stale_path(file: Path, path: str) -> bool:
    """For `room/module`, `room/module.NAME` or a file: seen from src, the repository, or above the file."""
    module, _, name = path.partition(".")
    for folder in (SRC, ROOT, *(SRC / above for above in file.relative_to(SRC).parents)):
        if (folder / path).exists():
            return False
        if (folder / f"{module}.py").exists():
            return not _mentions(folder / f"{module}.py", name)
    return True


def _is_stale_name(_: Path, dotted: str) -> bool:
    """For `module.name` or `room.module.NAME`: stale when such a module is ours and lacks that."""
    *places, name = dotted.removeprefix("viewfinder.").split(".")
    modules = [
        file for file in SRC.rglob("*.py") if file.with_suffix("").parts[-len(places) :] == tuple(places)
    ]
    is_room = len(places) > 1 and (SRC / places[0]).is_dir()
    return (is_room or bool(modules)) and not any(_mentions(module, name) for module in modules)


def _is_stale_file(_: Path, path: str) -> bool:
    """For docs/decisions/003, tests/e2e, training/export.py: a file or folder, its suffix left out or not."""
    return (
        not (ROOT / path).exists() and not list(ROOT.glob(f"{path}.*")) and not list(ROOT.glob(f"{path}-*"))
    )


PATTERNS = {
    r"`([a-z_0-9]+(?:/[a-z_0-9]+)+(?:\.\w+)?)`": _is_stale_path,
    r"`([a-z_0-9]+(?:\.[a-z_0-9]+)*\.(?!json|toml|md|py|sock)\w+)`": _is_stale_name,
    r"(?<![\w/])((?:docs|tests|training|benchmarks|deploy|src)/[\w/.-]*\w)": _is_stale_file,
}


def test_every_path_in_a_comment_exists() -> None:
    """Eleven docstrings named modules that had moved long ago (`fleet/server`, `bench/own_questions`)."""
    stale = [
        f"{file.relative_to(SRC)}: {path}"
        for file in SOURCES
        for text in _prose(file)
        for pattern, is_stale in PATTERNS.items()
        for path in re.findall(pattern, text)
        if is_stale(file, path)
    ]
    assert stale == []


@pytest.mark.parametrize(
    ("path", "is_stale"),
    [
        ("host/child", False),
        ("child", False),
        ("host/child.Child", False),
        ("pyproject.toml", False),
        ("host/child.Adult", True),
        ("bench/own_questions", True),
    ],
)
def test_a_stale_path_is_seen(path: str, is_stale: bool) -> None:
    assert _is_stale_path(SRC / "host" / "warden.py", path) is is_stale
    assert _is_stale_name(SRC / "host" / "warden.py", "child.Child") is False
    assert _is_stale_name(SRC / "host" / "warden.py", "child.Adult") is True
    assert _is_stale_file(SRC, "docs/decisions/003") is False
    assert _is_stale_file(SRC, "docs/decisions/999") is True
