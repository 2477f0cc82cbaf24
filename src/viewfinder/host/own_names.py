"""By which names others reach this computer; called by the gateway, which answers under no other."""

import re
import socket

IN_CONTAINERS = ("host.docker.internal", "host.containers.internal")
"""What containers of Docker and Podman call it. Nobody can register such a name: `.internal` is reserved."""
LEAST_LETTERS = 3
"""Of a name without dots. Those of two letters are countries, and some have addresses on the internet."""


def own_names(*, is_reachable: bool) -> frozenset[str]:
    """In lower case: the names in containers, the host's name up to its first dot, and that with `.local`.

    The whole name with its dots may be one that somebody else controls, so it counts only where other
    computers can reach us anyway, and need a key.
    """
    whole = socket.gethostname().lower()
    label = whole.partition(".")[0]
    names = {*IN_CONTAINERS}
    if re.fullmatch(r"[a-z0-9_-]+", label) and sum(map(str.isalpha, label)) >= LEAST_LETTERS:
        names |= {label, f"{label}.local"}
    if is_reachable and re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+", whole):
        names.add(whole)
    return frozenset(names)
