"""Processes that start in milliseconds and never outlive their parent.

A process that has everything imported and nothing opened waits aside, and forks a new one whenever it is asked. Whoever
asks gets the number of the process and keeps one end of a pair of sockets: when the other end closes, it is dead. When
the parent dies, so do all (Linux: `prctl(2)`, PR_SET_PDEATHSIG; elsewhere each sees that its socket has closed).
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from keytwin.runtime.libc import PDEATHSIG, prctl

Run = Callable[[str, socket.socket], None]
"""What a process does, given its name and its end of the pair of sockets; the process ends when it returns."""

LONGEST_NAME: Final = 256  # octets
LAST_DESCRIPTOR: Final = 256  # looked at where the system does not list those that are open
FIRST_OWN: Final = 3  # descriptor after those of the standard streams
GONE: Final = 0  # no process has this number


class Nursery:
    """Starts processes. Make it before the event loop runs, and before there is any other thread."""

    def __init__(self, run: Run, log: Callable[[str], int]) -> None:
        ours, theirs = socket.socketpair()
        parent = os.getpid()
        self.pid = _fork()
        if not self.pid:
            _alone(lambda: _tend(theirs, run, log, parent))
        theirs.close()
        self._socket = ours

    def start(self, name: str) -> tuple[int, socket.socket]:
        """Start a process; return its number, and the socket that closes when it ends. OSError when there is no way."""
        ours, theirs = socket.socketpair()
        pid = GONE
        try:
            socket.send_fds(self._socket, [name.encode()], [theirs.fileno()])
            pid = int.from_bytes(self._socket.recv(8), "big")
        finally:
            theirs.close()
            if pid == GONE:
                ours.close()
        if pid == GONE:
            raise ChildProcessError(f"no process {name} could be started")
        return pid, ours

    def close(self) -> None:
        """End the nursery; what it has started ends with it."""
        self._socket.close()
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def die_with(parent: int) -> None:
    """Let this process be killed when its parent ends, whatever either of them is doing then."""
    prctl(PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has died meanwhile
        os._exit(1)


def _tend(theirs: socket.socket, run: Run, log: Callable[[str], int], parent: int) -> None:
    """Fork when asked, until nobody can ask any more."""
    os.setsid()  # Ctrl-C at the terminal is for the parent, which tells the others
    die_with(parent)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, lambda *_: _reap())
    _take_log(log(""))
    _close_all_but({theirs.fileno()})
    gc.collect()
    gc.freeze()  # a look through what is there would copy every page of it
    while True:
        name, handles, _, _ = socket.recv_fds(theirs, LONGEST_NAME, 1)
        if not name:
            return
        own = socket.socket(fileno=handles[0])
        theirs.sendall(_born(name.decode(), own, theirs, run, log).to_bytes(8, "big"))
        own.close()


def _born(name: str, own: socket.socket, theirs: socket.socket, run: Run, log: Callable[[str], int]) -> int:
    nursery = os.getpid()
    try:
        pid = _fork()
    except OSError:
        return GONE
    if not pid:
        theirs.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _alone(lambda: _live(nursery, name, own, run, log))
    return pid


def _live(nursery: int, name: str, own: socket.socket, run: Run, log: Callable[[str], int]) -> None:
    die_with(nursery)
    _take_log(log(name))
    run(name, own)


def _alone(do: Callable[[], None]) -> NoReturn:
    """Do something as a new process, and end: nothing of what the parent would do at its end is done here."""
    code = 1
    try:
        do()
        code = 0
    except BaseException:  # noqa: BLE001  # else the parent's own code would go on in this process
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # numpy's threads wait for work, and fork with care
        return os.fork()


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _take_log(log: int) -> None:
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _close_all_but(kept: set[int]) -> None:
    """Let go of what the parent has open: a pipe would never end, and a lock would outlast it."""
    folder = Path("/proc/self/fd")
    handles = [int(each.name) for each in folder.iterdir()] if folder.is_dir() else list(range(LAST_DESCRIPTOR))
    for handle in handles:
        if handle >= FIRST_OWN and handle not in kept:
            with suppress(OSError):
                os.close(handle)
