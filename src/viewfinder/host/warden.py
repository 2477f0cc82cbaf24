"""The parent of one engine: when Viewfinder exits, in any way, it stops the engine's whole process tree.

Run by `host/warden_process` as `python -I -S warden.py OWNER_PID`; it uses only the standard library and one
thread, so that a fork is safe and PDEATHSIG refers to this process.

Its stdin is a socket whose other end only the owner holds. First it reads its order there: the length in
bytes and a line's end, then, separated by NUL, the grace period in seconds, the working folder ("": that of
the owner), the number of arguments, these, and NAME=VALUE for each variable. It waits for that as long as the
owner lives. Then it reads "stop SECONDS", or end of file, which means that the owner is gone; it writes
"started PID", "failed ERRNO" or, for the folder, "nowhere ERRNO", and, when no process is left, "exited
RETURNCODE", or "stopped RETURNCODE" when the engine was being stopped.

On Linux the owner's death continues a warden that was stopped (SIGSTOP), so that it can do its work.

It stops the tree on "stop", on end of file, on SIGTERM, when the engine exits by itself, and when the owner
dies while a fork of it still holds the socket. Stopping is: TERM to the engine's group and to processes that
left the group, a grace period, then KILL until no process is left. On Linux the engine stays an unreaped
zombie until then, so that its pid, which is also the group's id, cannot be reused. macOS has neither
PDEATHSIG nor subreapers: there the group and the socket do the work, and a process that left the group
survives.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Iterator

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
ORPHAN_GRACE_S = 0.5
"""The grace period when the owner is gone: no client waits any more, and the tree must be gone within 2 s."""
GIVE_UP_S = 10.0
"""A process that is left after this long of killing cannot be killed (it hangs in a driver)."""
OWNER = 0
"""The socket to the owner: our stdin."""
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> None:
    owner_pid = int(sys.argv[1])
    signals = catch_signals()
    if LINUX:
        prctl(PR_SET_PDEATHSIG, signal.SIGCONT)
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    death = open_owner(owner_pid)
    order = wait_for_order(signals, death)
    if order is None or os.getppid() != owner_pid:
        return
    grace_s, folder, argv, environment = order
    try:
        os.chdir(folder or ".")
    except OSError as error:
        report(b"nowhere %d\n" % (error.errno or 1))
        return
    engine, failure = start(argv, environment)
    if failure:
        report(b"failed %d\n" % failure)
        return
    report(b"started %d\n" % engine)
    tree = Tree(engine, death, signals, grace_s)
    returncode = tree.watch()
    report(b"%s %d\n" % (b"stopped" if tree.stopped else b"exited", returncode))


def report(line: bytes) -> None:
    with contextlib.suppress(OSError):  # the owner is gone
        os.write(OWNER, line)


def wait_for_order(signals: int, death: int | None) -> tuple[float, str, list[str], dict[str, str]] | None:
    """The grace period, folder, command and environment; None when the owner is gone, or we are to end."""
    events = select.poll()
    for file in (OWNER, signals, *(() if death is None else (death,))):
        events.register(file, select.POLLIN)
    length, order = b"", b""
    while not length.endswith(b"\n") or len(order) < int(length):
        ready = [file for file, _ in events.poll()]
        if death in ready or (signals in ready and any(s in STOP_SIGNALS for s in os.read(signals, 4096))):
            return None
        if OWNER not in ready:
            continue
        is_header = not length.endswith(b"\n")
        piece = read_orders(1 if is_header else int(length) - len(order))
        length, order = (length + piece, order) if is_header else (length, order + piece)
        if not piece or length == b"stop":
            return None
    grace_s, folder, count, *words = map(os.fsdecode, order.split(b"\0"))
    argv, variables = words[: int(count)], words[int(count) :]
    return float(grace_s), folder, argv, dict(one.split("=", 1) for one in variables)


def open_owner(owner_pid: int) -> int | None:
    """A descriptor that reports the owner's death even while a fork of the owner holds our socket."""
    if not LINUX:
        return None
    try:
        return os.pidfd_open(owner_pid)
    except OSError:  # it is dead already, or the kernel is old: the end of file still reports it
        return None


def read_orders(most: int = 4096) -> bytes:
    """What the owner wrote; empty when it is gone."""
    try:
        return os.read(OWNER, most)
    except ConnectionResetError:  # gone before it had read all our reports
        return b""


def catch_signals() -> int:
    """The end of a pipe where each signal that we handle arrives as a byte."""
    receive, send = os.pipe()
    os.set_blocking(receive, False)
    os.set_blocking(send, False)
    signal.set_wakeup_fd(send, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, *STOP_SIGNALS):
        signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # a thread that blocks signals may have started us
    return receive


def start(argv: list[str], environment: dict[str, str]) -> tuple[int, int]:
    """Start the engine in its own process group; returns its pid, and the errno when it could not start."""
    warden = os.getpid()
    receive, send = os.pipe()  # closed by a successful exec
    pid = os.fork()
    if pid == 0:
        try:
            become(argv, environment, warden)
        except OSError as error:
            os.write(send, b"%d" % (error.errno or 1))
        finally:
            os._exit(127)
    os.close(send)
    with contextlib.suppress(OSError):  # the child does it too; either way it is done now
        os.setpgid(pid, pid)
    failure = int(os.read(receive, 16) or 0)
    os.close(receive)
    if failure:
        os.waitpid(pid, 0)
    return pid, failure


def become(argv: list[str], environment: dict[str, str], warden: int) -> None:
    """In the forked child: become the engine."""
    os.setpgid(0, 0)
    for number in (signal.SIGCHLD, *STOP_SIGNALS, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    if LINUX:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != warden:  # it died before the line above
            os._exit(127)
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
            file.write("500")  # short of memory, the kernel kills the engine and not its owner
    os.dup2(os.open(os.devnull, os.O_RDONLY), OWNER)
    os.execvpe(argv[0], argv, environment)  # noqa: S606


def prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


class Tree:
    """The engine and everything it started."""

    def __init__(self, engine: int, death: int | None, signals: int, grace_s: float) -> None:
        self.engine = engine
        self.death = death
        self.signals = signals
        self.grace_s = grace_s
        self.returncode: int | None = None
        self.stopped = False
        self.kill_at: float | None = None
        self.terminated: set[int] = set()

    def watch(self) -> int:
        """Wait until no process of the tree is left; returns the engine's return code (-9: by SIGKILL)."""
        events = select.poll()
        events.register(OWNER, select.POLLIN)
        events.register(self.signals, select.POLLIN)
        if self.death is not None:
            events.register(self.death, select.POLLIN)
        while True:
            if self.returncode is None and self.has_exited():
                self.stopped = self.kill_at is not None
                self.stop(self.grace_s)
            others = list(self.reap_others())  # after that look: we adopt orphans when the engine exits
            if self.returncode is not None and not self.others_left(others):
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(self.engine, 0)
                return self.returncode
            timeout_s = self.press(others)
            for file, _ in events.poll(None if timeout_s is None else timeout_s * 1000):
                if file == OWNER and not self.obey(read_orders()):
                    events.unregister(OWNER)
                elif file == self.signals and any(s in STOP_SIGNALS for s in os.read(file, 4096)):
                    self.stop(self.grace_s)
                elif file == self.death:
                    events.unregister(file)
                    self.stop_orphaned()

    def obey(self, orders: bytes) -> bool:
        """Carry out the owner's orders; False when it is gone."""
        for line in orders.splitlines():
            self.stop(float(line.removeprefix(b"stop ")))
        if not orders:
            self.stop_orphaned()
        return bool(orders)

    def stop_orphaned(self) -> None:
        self.stop(min(self.grace_s, ORPHAN_GRACE_S))

    def stop(self, grace_s: float) -> None:
        """Begin to stop the tree, or hurry when that has begun; the shortest grace counts."""
        kill_at = time.monotonic() + grace_s
        if self.kill_at is None:
            self.kill_at = kill_at
            self.signal_group(signal.SIGTERM)
        self.kill_at = min(self.kill_at, kill_at)

    def press(self, others: list[int]) -> float | None:
        """Send the signals whose time has come; returns the seconds until the next ones, None for never."""
        if self.kill_at is None:
            return None
        late_s = time.monotonic() - self.kill_at
        if late_s > GIVE_UP_S:
            os._exit(1)
        if late_s >= 0:
            self.signal_group(signal.SIGKILL)
            for pid in others:
                os.kill(pid, signal.SIGKILL)
            return 0.02
        for pid in others:
            if pid not in self.terminated and os.getpgid(pid) != self.engine:  # the group got TERM already
                self.terminated.add(pid)
                os.kill(pid, signal.SIGTERM)
        return min(-late_s, 0.05)

    def signal_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS refuses when all are zombies
            os.killpg(self.engine, number)

    def has_exited(self) -> bool:
        """Note the engine's end, without reaping it where that is possible."""
        if not LINUX:
            pid, status = os.waitpid(self.engine, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
            return pid != 0
        seen = os.waitid(os.P_PID, self.engine, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if seen is None:
            return False
        self.returncode = seen.si_status if seen.si_code == os.CLD_EXITED else -seen.si_status
        return True

    def reap_others(self) -> Iterator[int]:
        """Our children beside the engine: they lost their parent and we adopted them; the dead are reaped."""
        for pid in children() if LINUX else ():
            if pid != self.engine and os.waitpid(pid, os.WNOHANG)[0] == 0:
                yield pid

    def others_left(self, others: list[int]) -> bool:
        """Whether any process but the engine, which has exited, is alive."""
        if LINUX:
            return bool(others)  # every descendant is, or descends from, an adopted child
        try:
            os.killpg(self.engine, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True


def children() -> Iterator[int]:
    """This process's children, from /proc: `task/*/children` is not in every kernel."""
    me = os.getpid()
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                if int(file.read().rpartition(b")")[2].split()[1]) == me:
                    yield int(name)


if __name__ == "__main__":
    main()
