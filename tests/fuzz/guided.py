"""One target under libFuzzer, guided by the coverage of our code; started by `session` as a process.

Usage: python -m tests.fuzz.guided TARGET [OPTION OF LIBFUZZER | FOLDER]...
"""

import logging
import shlex
import sys

import atheris

TRACED = tuple(
    f"viewfinder.{room}" for room in ("wire", "media", "catalog", "core", "host", "gateway", "client")
)
PILLOW = tuple(f"PIL.{format}ImagePlugin" for format in ("Png", "Jpeg", "WebP"))
LIMIT_S = 4.0
"""Of processor time for one input: traced code takes a few times as long."""


def main(name: str, options: list[str]) -> None:
    logging.disable()
    with atheris.instrument_imports(include=[*TRACED, *PILLOW, "tomllib"], enable_loader_override=False):
        from .table import BY_NAME

        target = BY_NAME[name]
        assert target.run, "imported here, to be traced"

    def one_input(data: bytes) -> None:
        target.check(data, LIMIT_S)

    # To merge, libFuzzer starts this command again, by a shell.
    atheris.Setup([f"{shlex.quote(sys.executable)} -m tests.fuzz.guided {name}", *options], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
