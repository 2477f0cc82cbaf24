"""Collects what is known of a server process that has just died; called by `fleet`."""

from viewfinder.catalog.known_issues import recognize
from viewfinder.fleet.health.entry import ModelEntry
from viewfinder.fleet.process.life import Life
from viewfinder.fleet.record.post_mortem import LAST_LINES, PostMortem
from viewfinder.host.child import Exit


def post_mortem_of(entry: ModelEntry, life: Life, up_s: float | None) -> PostMortem:
    """The post-mortem of an entry's server process; `up_s` None: it was never ready."""
    server, child = entry.server, life.child
    exit_ = child.exit or Exit(None, None)
    words = child.tail(LAST_LINES)
    issue = recognize(server.variant.engine, life.engine_version, f"{words}\n{exit_.explanation}")
    return PostMortem(
        model=entry.card.name,
        variant=server.variant.name,
        engine=server.variant.engine,
        engine_version=life.engine_version,
        command=child.spec.argv,
        pid=child.pid,
        exit=exit_,
        reason=server.failure.message if server.failure else "",
        up_s=up_s,
        last_words=words,
        memory=[
            (at_s - life.started_s, size)
            for at_s, size in entry.vitals.memory_curve
            if at_s >= life.started_s
        ],
        requests=[lease.shape for lease in entry.leases],
        known_issue=f"{issue.what} {issue.hint}".strip() if issue else "",
    )
