"""Whether Ray is installed; asked by `api/clustered` before anything here imports it."""

from importlib.util import find_spec

from viewfinder.core.errors import EngineMissing
from viewfinder.core.version import IN_THE_CHECKOUT, install_command


def require_ray() -> None:
    """Raise EngineMissing, with the line that installs it."""
    if find_spec("ray") is None or find_spec("ray.serve") is None:
        raise EngineMissing(
            "Ray, which connects several machines, is not installed.",
            hint=f"{install_command('cluster')}{IN_THE_CHECKOUT}",
        )
