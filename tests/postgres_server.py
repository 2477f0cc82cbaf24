"""Debian's PostgreSQL in a folder of its own, on a Unix socket, as a user who is not root; for the tests of
`store_url`."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

USER, PASSWORD = "vf", "p@ss/word #1"
QUOTED = "p%40ss%2Fword%20%231"
_FAST = ("fsync=off", "shared_buffers=16MB", "max_connections=20", "listen_addresses=")


def binaries() -> Path | None:
    """The folder of the newest server here; Debian keeps it out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: int(one.parts[-3]))
    at = found[-1] if found else shutil.which("initdb")
    return Path(at).parent if at and sys.platform == "linux" else None


class PostgresServer:
    """A server that can be killed, paused and started again; `url` is for store_url."""

    def __init__(self) -> None:
        found = binaries()
        assert found is not None
        self._bin = found
        self._folder = Path(tempfile.mkdtemp(prefix="vfpg"))
        self._user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        if self._user:
            os.chown(self._folder, 65534, 65534)
        password = self._folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        options = ("--no-sync", "--no-locale", "--encoding=UTF8", "--auth=scram-sha-256")
        subprocess.run(
            [found / "initdb", "-D", self._data, "-U", USER, f"--pwfile={password}", *options],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
            **self._user,  # type: ignore[call-overload]
        )
        self._process: subprocess.Popen[str] | None = None
        self.start()

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def address(self, user: str = USER, password: str = QUOTED, database: str = "postgres") -> str:
        return f"postgresql://{user}:{password}@/{database}?host={self._folder}"

    @property
    def url(self) -> str:
        return self.address()

    def start(self) -> None:
        """Start, and return when it takes connections."""
        settings = [word for one in _FAST for word in ("-c", one)]
        self._process = subprocess.Popen(
            [self._bin / "postgres", "-D", self._data, "-k", self._folder, *settings],
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            **self._user,  # type: ignore[call-overload]
        )
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            said.append(line)
            if "ready to accept connections" in line:
                return
        raise AssertionError("".join(said))

    def stop(self) -> None:
        """Stop at once, as with the power; what was written is read from the log again."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGQUIT)
            process.communicate(timeout=20)

    def execute(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements; the rows of the last one."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []

    def pids(self) -> list[int]:
        """Of the processes that serve our connections."""
        own = "SELECT pid FROM pg_stat_activity WHERE application_name = 'viewfinder'"
        return [int(str(row[0])) for row in self.execute(own)]

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)
