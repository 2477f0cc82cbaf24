"""`python -m tests.cluster.end_to_end`: files of `tests/e2e` once more, with `serve --ray`.

They are the same tests: a client cannot tell the two modes apart. A part of `make test-cluster`; with
`--all` it is every file whose server can be on a cluster.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ray.cluster_utils import Cluster

from tests.e2e.conftest import RAY_OF_E2E

FILES = ("test_counting", "test_openai_client", "test_responses", "test_strict_schemas")
OTHERS = (
    *("test_chat", "test_clips", "test_commands", "test_completions", "test_each_picture"),
    *("test_fields", "test_messages", "test_sort", "test_stopping", "test_tools"),
)
LONGEST = "a_hundred_dialogues_in_turns"
"""It takes more than all the others together."""
ROOT = Path(__file__).parents[2]
OBJECT_STORE_BYTES = 80 * 2**20


def main() -> int:
    """Start a head and a node, run the files, and return pytest's exit code."""
    arguments = [word for word in sys.argv[1:] if word != "--all"]
    is_short = arguments == sys.argv[1:]
    names = FILES if is_short else FILES + OTHERS
    arguments += ["-k", f"not {LONGEST}"] if is_short else []
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {
            "VIEWFINDER_HOME": str(Path(home) / "node"),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_enable_metrics_collection": "0",
        }
        given = {"object_store_memory": OBJECT_STORE_BYTES, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **given})
        try:
            cluster.add_node(num_cpus=1, **given)
            files = [str(ROOT / "tests" / "e2e" / f"{name}.py") for name in names]
            command = [sys.executable, "-m", "pytest", "-q", *files, *arguments]
            environment = {**os.environ, RAY_OF_E2E: str(cluster.address)}
            return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        finally:
            cluster.shutdown()


if __name__ == "__main__":
    sys.exit(main())
