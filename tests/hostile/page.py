"""Writes docs/security.md from the table of hostile input: `make docs`, or python -m tests.hostile.page."""

import statistics
import sys
from collections.abc import Iterable
from typing import Any

from tests.faults.measured import measured
from tests.faults.tables import of_record, table
from tests.hostile.attacked import ATTACKED
from tests.hostile.attacks import ATTACKS
from tests.hostile.beside import BLOCK_MS, CALM_S, POLITE_S, RSS_MB, TIMES_QUIET
from tests.hostile.row import Row
from tests.hostile.table import REQUESTS

INTRO = """\
# Security

Generated from `tests/hostile` by `make docs`; change the tables there, not this page.
[reliability.md](reliability.md) is about engines and computers that fail; this page is about what strangers
send.

## What is promised

Whatever a client sends, without a key or with one:

- Others are answered. A polite client's 99th percentile stays under {times:g} times that of a quiet moment,
  and under {polite_s:g} s; the gateway holds less than {rss_mb:g} MB, and within {back_s:g} s everything is
  back to what it was.
- The event loop, which serves all clients, is never busy with one thing for {block_ms:g} ms.
- The request gets an error in OpenAI's form that says what was wrong and what to do, or the connection
  ends.
- Nothing is fetched, no path of this computer is opened and no program is started because of a request. With
  `remote_images = true`, images are fetched from public addresses, and from no other.
- Images and clips are decoded in processes of their own, with limits on time, memory and pixels. Engines get
  no image that was sent, only a new one made of its pixels.
- No file holds a word of a request, except those that `/v1/responses` is to keep (`store`), in the state
  folder's `responses/` (mode 0700, files 0600): for `responses.keep_s` (an hour) after the last turn and
  at most `responses.keep_bytes` (256 MiB), the oldest first. Only the key that made one can reach it; where
  there are no keys, whoever can reach the server and knows the id, which cannot be guessed. Images are kept
  as they were made safe, without metadata, and never given out. What is deleted, or too old (within a
  minute, while `serve` runs), is overwritten. `store: false`, or `keep_s = 0`, keeps nothing.
- A web page that points a name of its own at this computer (DNS rebinding) gets 403, and so does any page
  of another origin. The Host header must be a loopback address, what Viewfinder listens on, one of
  `allowed_hosts`, or a name that is this computer's: its host name, that with `.local`,
  `host.docker.internal` and `host.containers.internal`. Nobody can register one of these: a host name
  without dots counts from three letters on (those of two are countries), and one with dots only where a key
  is needed. Still, on a hostile network somebody could answer for such a name, so pages at them are not taken
  for our own: a request with their Origin, as browsers send it with every POST and DELETE, is refused.
- No engine's environment has a key.
- On an address that others can reach, nothing but `/health`, `/ready`, the form to sign in and the files of
  the pages is served without a key.
- A browser that has signed in is as good as its key, for a week at most: until the key is removed or
  Viewfinder ends. Its cookies are strict and cannot be read by scripts, and what it changes needs, beside
  them, a token that only our own pages have. Pages run no script and show no style but those in our files
  (`Content-Security-Policy`).
- A named key can ask, and read what there is and what was measured. To load models, pull, measure, or read
  logs and events takes a key that was added with `--admin`, or the key of the settings.

## What is not promised

- **Engines are not sandboxed.** They are native code that reads model files, with the rights of the user
  who runs Viewfinder. A crafted model file that finds a bug in an engine has these rights, too. Get models
  from publishers whom you trust; run as a user of its own, or in a container.
- **Prompt injection.** What a text or an image makes a model say is not judged. Do not let an answer decide
  what a program may do.
- **There is no TLS.** Keys and requests are readable on the way, except on loopback: use a proxy for any
  other address.
- **The state folder** has the events, the engines' logs, the hashes of keys, conversations that are kept
  (while no `serve` runs, also those that are too old: the next one deletes them), and of `bench` every
  question, answer and thumbnail. It is private to its user; root, other programs of that user and whoever
  has its backups can read it.
- **Names on a hostile network.** Who answers there for this computer's name (a search domain, mDNS), and gets
  a browser on it to open a page at that name and our port, can read what GET gives without a key: the lists
  of models and metrics, and no conversation. With a key, nothing. It cannot ask.
- **No defence against root**, nor against other programs of the same user.
- **Many addresses.** Connections are limited in all and per address. Whoever has hundreds of addresses can
  take all the places, and an engine that answers all day is busy all day: limit rates in a proxy.
- **Other programs on this computer get the cookies.** Cookies are not separated by port: a browser that has
  signed in at `localhost` sends its session to every server of any user there that its user visits. Sign in
  by a name of its own (through a proxy), or use no browser on a computer whose users you do not trust.
- **What was measured is shown to every key**, with the questions and pictures of wrong answers.
- **No quotas.** A key asks as much as it likes; the metrics say who used how much, and the user decides.
- **All clients behind one proxy are one address**: forwarding headers are not believed. What is shared
  between addresses (turns at a model, decoders, bytes) is then shared fairly only between named keys.
- Dependencies are pinned by version, not by hash.
- All was measured on Linux. On macOS a frozen warden or decoder outlives a `serve` that was killed with -9,
  until the next start ends it.

## How to run it for others

```sh
viewfinder keys add alice            # once per client: named keys are counted, and removed, one by one
viewfinder keys add me --admin       # for whoever may also load models, pull and measure
viewfinder serve --host 0.0.0.0      # refuses to start without a key
```

| Setting | What it is for |
| --- | --- |
| `allowed_hosts` | other names by which clients, or a proxy, reach the server; pages at them are our own |
| `allowed_origins` | web pages that may use it; none by default. `app://` means every page of that scheme |
| `limits.body_bytes`, `limits.held_bytes` | of one request, and of all together |
| `limits.images`, `limits.pixels`, `limits.request_pixels` | per request: lower them for small images |
| `remote_images` | off; on, clients can see from the errors which names this computer can look up |
| `limits.receive_timeout_s`, `limits.delivery_timeout_s` | how long a client may take to send, and to read |
| `limits.connections`, `limits.connections_per_address` | raise the second one behind a proxy |
| `fleet.queue_per_model`, `fleet.queue` | requests that may wait before others get 429 |

In `allowed_origins`, `null`, `*` and `https://*` are refused: anybody can make such pages. The scheme of an
app (`app://`, `tauri://`, `vscode-webview://`) means whatever is installed that has pages of that scheme.

A proxy in front ends TLS, keeps the Host header or is named in `allowed_hosts`, does not buffer answers
(they are streams), and limits how many requests a client may send. Let Viewfinder listen on 127.0.0.1 then.
"""

ROWS_INTRO = """\
## Hostile input

Rows A are 42 kinds of input that have broken other servers; rows B broke this one. Each has its tests, with
their neighbours: `make test` runs nearly all of them, `make soak` and `make test-engines` the rest.
*Italics* say where somebody might expect something else.
"""

ATTACKS_INTRO = """\
## What was measured

`make soak` sends every attack, again and again for {seconds:g} s, to a `viewfinder serve` with glimpse,
while a polite client in a process of its own, at an address of its own, asks one question after the other:
a text, or an image where the attack is about images. Quiet is that client alone, directly before; back is
the time until memory (within {base_mb:g} MB), descriptors and the polite client are as before. The computer
is shared with other programs: an attack over its bound is measured again, at most twice. ({date}, {machine}.)
"""

LABELS = {
    "hours": "hours",
    "log_bytes_per_hour": "log, bytes an hour",
    "first_tenth": "in the first tenth of the time",
    "last_tenth": "in the last tenth",
    "rss_mb": "gateway, MB",
    "peak_rss_mb": "gateway at most, MB",
    "engine_and_decoders_mb": "engine and decoders, MB",
    "longest_block_ms": "longest block of the event loop, ms",
    "polite_p99_ms": "polite p99, ms",
    "polite_median_ms": "polite median, ms",
    "polite_slowest_ms": "slowest polite answer, ms",
    "polite_statuses": "polite answers by status",
    "wrong_answers": "polite answers that differ from the undisturbed model's",
    "attacks": "attacks, each of up to 40 requests or connections",
    "log_bytes": "log, bytes",
    "engine_log_bytes": "log of the engine, bytes",
}
"""The meaning of the names in the record of the long run."""


def write_page() -> str:
    """The page, as Markdown."""
    intro = INTRO.format(
        times=TIMES_QUIET, polite_s=POLITE_S, rss_mb=RSS_MB, back_s=CALM_S, block_ms=BLOCK_MS
    )
    parts = [intro, ROWS_INTRO, *_rows(REQUESTS), *_rows(ATTACKED), *_figures(), *_long_run()]
    return "\n".join(parts).rstrip() + "\n"


def _rows(rows: Iterable[Row]) -> Iterable[str]:
    rows = tuple(rows)
    yield table(
        ("Row", "What is sent", "What is promised"), ((row.name, row.sent, _promise(row)) for row in rows)
    )
    lines = (f"{row.name:4}{' '.join(row.tests)}" for row in rows)
    yield "Its tests (`.venv/bin/python -m pytest TEST`):\n\n```text\n" + "\n".join(lines) + "\n```\n"


def _promise(row: Row) -> str:
    return f"{row.promise} *{row.differs}*" if row.differs else row.promise


def _figures() -> Iterable[str]:
    """The figures of each attack, in the order of the table; nothing before the first soak."""
    record = measured("hostile")
    if not record:
        return
    limits = record["limits"]
    yield ATTACKS_INTRO.format(
        seconds=record["seconds"], base_mb=limits["base_mb"], date=record["date"], machine=record["machine"]
    )
    head = (
        "Row",
        "Attack",
        "Polite p99, ms (quiet)",
        "Gateway, MB (before, peak, after)",
        "Back, s",
        "Longest block, ms",
        "Descriptors",
        "Log, bytes",
    )
    rows = sorted(ATTACKS, key=lambda attack: (attack.row[0], int(attack.row[1:])))
    yield table(
        head, (_figures_of(attack.row, attack.name, record["attacks"][attack.name]) for attack in rows)
    )
    named = [
        f"- {attack.name}: up to {attack.times:g} times. {attack.why}" for attack in ATTACKS if attack.why
    ]
    if named:
        yield (
            f"All but these stay under {limits['times_quiet']:g} times the quiet p99:\n\n"
            + "\n".join(named)
            + "\n"
        )
    seen = record["attacks"].values()
    quiet_ms = statistics.median(figures["quiet_p99_ms"] for figures in seen)
    slowest_ms = max(figures["polite_p99_ms"] for figures in seen)
    block_ms = max(figures["block_ms"] for figures in seen)
    yield (
        f"In all of them: a quiet p99 of {quiet_ms:.0f} ms (the median), a p99 of at most "
        f"{slowest_ms:.0f} ms beside an attack, and a longest block of the event loop of {block_ms} ms.\n"
    )


def _figures_of(row: str, name: str, figures: dict[str, Any]) -> tuple[str, ...]:
    memory = ", ".join(f"{figures[key]:.0f}" for key in ("rss_before_mb", "rss_peak_mb", "rss_after_mb"))
    return (
        row,
        name,
        f"{figures['polite_p99_ms']:.0f} ({figures['quiet_p99_ms']:.0f})",
        memory,
        str(figures["back_s"]),
        str(figures["block_ms"]),
        f"{figures['descriptors']:+d}",
        str(figures["log_bytes"]),
    )


def _long_run() -> Iterable[str]:
    """Hostile and polite clients together for hours; nothing before the first such run."""
    record = dict(measured("together"))
    if not record:
        return
    yield "## Hours of it\n"
    yield (
        "Hostile clients take turns at every kind of attack while polite ones ask, and once a minute all are "
        f"quiet, so that what is held can be compared. {record.pop('date')}, {record.pop('machine')}.\n"
    )
    yield of_record(record, LABELS)


if __name__ == "__main__":
    sys.stdout.write(write_page())
