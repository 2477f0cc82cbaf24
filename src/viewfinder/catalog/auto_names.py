"""The names under which a request leaves the choice of its model to Viewfinder (`fleet/routing`), or asks two
models one after the other (`fleet/cascade`)."""

from collections.abc import Mapping
from typing import Literal, get_args

AutoUse = Literal["best", "fast", "text", "smallest", "own"]
USES: tuple[AutoUse, ...] = get_args(AutoUse)
AUTO_PREFIX = "auto:"
"""How these names begin. No model and no alias may have a name that begins with one of `OWN_PREFIXES`."""
CASCADE_PREFIX = "cascade:"
"""Alone, or before two models: `cascade:small,better`."""
OWN_PREFIXES = (AUTO_PREFIX, CASCADE_PREFIX)
AUTO_NAMES: Mapping[str, AutoUse] = {f"{AUTO_PREFIX}{use}": use for use in USES}
