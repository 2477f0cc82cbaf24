"""The names under which a request leaves the choice of its model to Viewfinder (`fleet/routing`)."""

from collections.abc import Mapping
from typing import Literal, get_args

AutoUse = Literal["best", "fast", "text", "smallest", "own"]
USES: tuple[AutoUse, ...] = get_args(AutoUse)
AUTO_PREFIX = "auto:"
"""How these names begin; no model and no alias may have such a name."""
AUTO_NAMES: Mapping[str, AutoUse] = {f"{AUTO_PREFIX}{use}": use for use in USES}
