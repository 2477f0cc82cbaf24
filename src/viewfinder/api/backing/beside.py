"""What may disturb the timings of a bench, in sentences for a person; pure, called by `benches`."""

from collections.abc import Iterable

from viewfinder.dashboard.backing import PullLine
from viewfinder.fleet.view import FleetView

LOADED = ("starting", "ready", "quarantined", "backoff", "stopping")


def beside(fleet: FleetView, pulls: Iterable[PullLine]) -> tuple[str, ...]:
    """Nothing where nothing is loaded, asked or downloaded here.

    A run times server processes of its own. When other programs use more than a fifth of the processors
    meanwhile, its timings are marked as disturbed, and those are measured once more if there is time; right
    answers and memory are not affected (see `host/disturbance`).
    """
    loaded = [*dict.fromkeys(server.model for server in fleet.servers if server.state in LOADED)]
    asked = sum(server.leases + server.waiting for server in fleet.servers)
    said = []
    if asked:
        requests = "1 request is" if asked == 1 else f"{asked} requests are"
        said.append(
            f"{requests} being answered here: timings that this disturbs are marked as disturbed in the "
            "guide. Ask nothing while it runs."
        )
    if loaded:
        names, them = ", ".join(loaded), "it" if len(loaded) == 1 else "them"
        said.append(
            f"Loaded here beside it: {names}. The memory is missing to the bench, and the checks of an idle "
            f"model take a second now and then. For undisturbed timings unload {them} first: "
            f"{'; '.join(f'viewfinder stop {name}' for name in loaded)}."
        )
    if pulling := [one.model for one in pulls if not one.is_over]:
        said.append(
            f"Being downloaded here: {', '.join(pulling)}. To check the files takes a processor for seconds; "
            "wait until they are here."
        )
    return tuple(said)
