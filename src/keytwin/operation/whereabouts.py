"""Where networks keep their state on this machine, and which of them run now.

A network's folder holds `lock`, locked for as long as it runs (flock: the system lets go of it whatever becomes of the
process), and `run.json` while its faces serve. Whether it runs the lock says alone, never a process number in a file.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from keytwin.runtime.private_files import mistake, private_folder, write_whole
from keytwin.service.operator_values import Credentials
from keytwin.vocabulary.errors import Mistake, Refusal

LOCK: Final = "lock"
RUN: Final = "run.json"
LOG: Final = "log"
PROCESSES: Final = "processes"  # the folder of what each process of a network keeps
PKI: Final = "pki"  # the folder of the network's authority in its state
TRIES: Final = 20  # at the lock: whoever looks whether it is taken holds it for a moment
PAUSE: Final = 0.01  # seconds between two tries
START: Final = "start one with: keytwin up star6 -d"


class Run(msgspec.Struct, frozen=True):
    """What `run.json` says of a network that runs: where its operator face is, and with which files to get in."""

    network: str
    version: str
    pid: int
    started: str  # RFC 3339, UTC
    operator_url: str
    host: str
    base_port: int
    speed: float
    operator: Credentials


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A network that runs: the folder of its state, and what it says of itself."""

    state: Path
    run: Run


def default_root(state_home: str | None, home: Path) -> Path:
    """Return where states lie unless the user says otherwise: below XDG_STATE_HOME (XDG Base Directory, 0.8)."""
    # The specification has a relative path in the variable ignored.
    base = Path(state_home) if state_home and Path(state_home).is_absolute() else home / ".local" / "state"
    return base / "keytwin"


def state_of(network: str, root: Path, given: Path | None) -> Path:
    """Return the folder of a network's state: as given, or by its name below the root."""
    return (given or root / network).absolute()


def find(given: Path | None, root: Path) -> Whereabouts:
    """Return the network in the given state directory, or the only one that runs below the root.

    Refusal when none runs there; Mistake when several do, with their names.
    """
    if given is not None:
        return _found(given.absolute())
    running = list(running_below(root))
    if not running:
        raise Refusal(f"no network is running here: {START} (or say where its state is: --state DIR)")
    if len(running) > 1:
        told = "\n".join(f"  --state {state}" for state in running)
        raise Mistake(f"{len(running)} networks are running here: say which one\n{told}")
    return _found(running[0])


def running_below(root: Path) -> Iterator[Path]:
    """Give the state of each network that runs below a root, in the order of their names."""
    if root.is_dir():
        yield from (state for state in sorted(root.iterdir()) if is_running(state))


def is_running(state: Path) -> bool:
    """Whether a network runs on this state, also while it starts or stops."""
    try:
        handle = os.open(state / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # no such state, or not ours to look at
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


class Claim:
    """The lock of a state, held from its making until `release`, or until the process ends."""

    def __init__(self, state: Path) -> None:
        self.state = private_folder(state)
        self._run = state / RUN
        self._handle = os.open(state / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        if not _lock(self._handle):
            os.close(self._handle)
            raise Refusal(_taken(state))
        self._is_held = True
        self._run.unlink(missing_ok=True)  # left behind by one that was killed

    def announce(self, run: Run) -> None:
        """Tell where the network is, now that every face serves."""
        write_whole(self._run, msgspec.json.format(msgspec.json.encode(run), indent=2) + b"\n")

    def release(self) -> None:
        """Say that nothing runs here any more; the state itself stays. A second time it does nothing."""
        if self._is_held:
            self._is_held = False
            self._run.unlink(missing_ok=True)
            os.close(self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


def wait_until_stopped(state: Path, longest: float) -> bool:
    """Wait until nothing runs on a state any more, at most so many seconds; False when something still does."""
    end = time.monotonic() + longest
    while is_running(state):
        if time.monotonic() >= end:
            return False
        time.sleep(PAUSE)
    return True


def folder_of_process(state: Path, name: str) -> Path:
    """Return the folder of what one process of a network keeps: its journal and its log."""
    return state / PROCESSES / name


def open_log(folder: Path) -> int:
    """Open the log of a network that runs detached, or of one process; returns a descriptor to append with."""
    return os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _found(state: Path) -> Whereabouts:
    if not is_running(state):
        raise Refusal(f"no network is running on the state in {state}: {START}")
    run = _run_of(state)
    if run is None:
        raise Refusal(f"the network on the state in {state} is starting, or stopping: try again in a moment")
    return Whereabouts(state, run)


def _run_of(state: Path) -> Run | None:
    path = state / RUN
    try:
        return msgspec.json.decode(path.read_bytes(), type=Run)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise mistake(path, f"is not what a running network writes: {error}", "stop that network by its pid") from error


def _lock(handle: int) -> bool:
    for _ in range(TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(PAUSE)
        else:
            return True
    return False


def _taken(state: Path) -> str:
    run = _run_of(state)
    who = f"network {run.network} (process {run.pid})" if run else "a network"
    return f"{who} is running on the state in {state}: stop it with keytwin down, or choose another with --state"
