"""AIPerf and the instrument on one stand-in server: do they agree?"""

import asyncio
import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.validity.stand_in import Pace, standing_in
from benchmarks.validity.table import SHORT, Row, Table
from benchmarks.validity.timing import session
from viewfinder.catalog.catalog import Catalog
from viewfinder.client.endpoint import Endpoint
from viewfinder.client.exchange import Exchange

AIPERF = Path(__file__).parents[2] / ".venv-aiperf" / "bin" / "aiperf"
"""`make validate` installs it in an environment of its own: it needs other versions of most packages."""
PACE = Pace(ttft_s=0.2, itl_s=0.02, words=16)
TOKENIZER = "viewfinder/glimpse"
WITHIN = 0.05
REQUESTS = 12 if SHORT else 48
WARM_UP = 3
PATIENCE_S = 300.0
METRICS = {"TTFT": "time_to_first_token", "ITL": "inter_token_latency", "request latency": "request_latency"}


def prove() -> Table:
    words = f"One stand-in server, asked by both in turn, one request at a time; medians of {REQUESTS}."
    if not AIPERF.exists():
        return _table(words, (Row("AIPerf", "installed", f"{AIPERF} is not there", good=False),))
    with standing_in(PACE, tcp=True) as endpoint, tempfile.TemporaryDirectory(prefix="vf-") as folder:
        exchanges = by_us(endpoint)
        try:
            theirs = by_aiperf(endpoint, Path(folder))
        except (subprocess.SubprocessError, OSError, KeyError, ValueError) as error:
            return _table(words, (Row("AIPerf", "a whole run", _last_words(error), good=False),))
        ours = medians([*exchanges, *by_us(endpoint)])  # half before and half after, because machines drift
    rows = tuple(row(name, ours[name], theirs[name]) for name in METRICS)
    return _table(f"{words} AIPerf {version()}, offline, with glimpse's tokenizer.", rows)


def by_us(endpoint: Endpoint) -> list[Exchange]:
    """Half of the requests, without the warm-up."""
    return asyncio.run(session(endpoint, REQUESTS // 2 + WARM_UP))[WARM_UP:]


def medians(exchanges: Sequence[Exchange]) -> dict[str, float]:
    """Milliseconds. ITL as AIPerf defines it: a request's time after the first token by its later tokens."""
    seconds = {
        "TTFT": [exchange.ttft_s or 0.0 for exchange in exchanges],
        "ITL": [exchange.tpot_s or 0.0 for exchange in exchanges],
        "request latency": [exchange.e2e_s for exchange in exchanges],
    }
    return {name: 1000 * statistics.median(values) for name, values in seconds.items()}


def by_aiperf(endpoint: Endpoint, folder: Path) -> dict[str, float]:
    """Median milliseconds, from the file that AIPerf writes."""
    assert endpoint.api_key is not None
    options = {
        "model": "stand-in",
        "url": endpoint.base_url,
        "endpoint-type": "chat",
        "api-key": endpoint.api_key.get_secret_value(),
        "tokenizer": TOKENIZER,
        "concurrency": 1,
        "request-count": REQUESTS,
        "warmup-request-count": WARM_UP,
        "synthetic-input-tokens-mean": 16,
        "output-tokens-mean": PACE.words,
        "workers-max": 1,
        "ui": "none",
        "artifact-dir": str(folder),
    }
    flags = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    subprocess.run(
        [str(AIPERF), "profile", "--streaming", "--no-gpu-telemetry", "--no-server-metrics", *flags],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(_hub_with_glimpse(folder / "hf"))},
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    document = json.loads((folder / "profile_export_aiperf.json").read_text())
    return {name: float(document[metric]["p50"]) for name, metric in METRICS.items()}


def row(name: str, ours_ms: float, theirs_ms: float) -> Row:
    off = ours_ms / theirs_ms - 1
    found = f"{ours_ms:.2f} ms, AIPerf {theirs_ms:.2f} ms ({100 * off:+.2f} %)"
    return Row(f"median {name}", f"AIPerf's within {100 * WITHIN:.0f} %", found, abs(off) <= WITHIN)


def version() -> str:
    said = subprocess.run([str(AIPERF), "--version"], capture_output=True, text=True, check=False)
    return said.stdout.strip() or "of unknown version"


def _hub_with_glimpse(home: Path) -> Path:
    """A model hub's cache that contains glimpse's folder: offline, AIPerf accepts no plain folder."""
    card = Catalog().card("glimpse")
    variant = next(variant for variant in card.variants if variant.engine == "transformers")
    folder = home / "hub" / f"models--{TOKENIZER.replace('/', '--')}"
    commit = 40 * "0"
    for part in ("refs", "snapshots"):
        (folder / part).mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    (folder / "snapshots" / commit).symlink_to(Catalog().resolve(variant).model)
    return home


def _last_words(error: Exception) -> str:
    said = " ".join(filter(None, (getattr(error, "stderr", ""), getattr(error, "stdout", ""))))
    return f"{type(error).__name__}: {said.strip()[-400:] or error}"


def _table(words: str, rows: tuple[Row, ...]) -> Table:
    return Table("peer", "Agreement with AIPerf", words, rows)
