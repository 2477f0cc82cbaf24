"""The version, read from the installed package, and the commands that install it and its extras."""

from importlib.metadata import version

VERSION = version("viewfinder")

SOURCE = "."
"""What pip installs: the checkout. A release to a package index changes this, and empties IN_THE_CHECKOUT."""
IN_THE_CHECKOUT = "  # in the checkout"


def install_command(extra: str = "") -> str:
    """The command for Viewfinder, or for one of its extras, without the place where it is run."""
    return f"pip install '{SOURCE}[{extra}]'" if extra else f"pip install {SOURCE}"
