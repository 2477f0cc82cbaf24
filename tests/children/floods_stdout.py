"""Prints as many MiB as asked, in numbered lines of 1 KiB, as fast as it can, and exits."""

import sys

for number in range(int(sys.argv[1])):
    print("\n".join(f"{number:6d}.{line:04d}".ljust(1023, ".") for line in range(1024)))
