"""Where the commands write: answers and tables to stdout, everything else to stderr."""

import json
from typing import Any

from rich.console import Console

output = Console(soft_wrap=True)
errors = Console(stderr=True, soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON document on stdout, for other programs."""
    print(json.dumps(value, indent=2, default=str))
