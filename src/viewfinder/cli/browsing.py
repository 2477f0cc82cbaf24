"""Opening the page in the browser of the person at this computer; called by `serve --open`."""

import os
import sys
import threading
import webbrowser

from viewfinder.cli.console import errors


def show_in_browser(address: str) -> threading.Thread:
    """Open the address, and say so where that cannot be done; returns the thread that does it."""
    thread = threading.Thread(target=_open, args=(address,), daemon=True)
    thread.start()
    return thread


def _open(address: str) -> None:
    try:
        is_open = _has_screen() and webbrowser.open(address)
    except (OSError, webbrowser.Error):
        is_open = False
    if not is_open:
        errors.print(f"No browser could be opened here. Open {address} in one.", markup=False)


def _has_screen() -> bool:
    """Without one, a browser for terminals would be found, and take over ours."""
    named = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in named)
