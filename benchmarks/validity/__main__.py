"""Checks the instrument against known truth: `make validate`, or python -m benchmarks.validity [NAME...].

Prints a table for each proof, and exits with 1 when a row missed. VIEWFINDER_VALIDATE=short takes fewer
samples; VIEWFINDER_MEASURED names a folder where the tables are kept (docs/validity.md shows docs/measured).
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.validity.proofs import PROOFS, usual
from benchmarks.validity.table import markdown


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.validity", description=__doc__.splitlines()[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PROOFS))
    names = parser.parse_args().names or usual()
    if unknown := [name for name in names if name not in PROOFS]:
        parser.error(f"there is no proof named {unknown[0]}; there are {', '.join(PROOFS)}")
    missed = []
    with tempfile.TemporaryDirectory(prefix="vf-") as home:
        os.environ["VIEWFINDER_HOME"] = home
        for name in names:
            start_s = time.monotonic()
            table = PROOFS[name]().dated(time.monotonic() - start_s)
            print(markdown(table), flush=True)
            if folder := os.environ.get("VIEWFINDER_MEASURED"):
                table.keep(Path(folder))
            missed += [f"{name}: {row.what}" for row in table.rows if not row.good]
    if missed:
        sys.exit("Missed:\n" + "\n".join(f"  {words}" for words in missed))


if __name__ == "__main__":
    main()
