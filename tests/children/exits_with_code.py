"""Says something on stderr and exits with the code it is given."""

import sys

print("no such model", file=sys.stderr)
sys.exit(int(sys.argv[1]))
