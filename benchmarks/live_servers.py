"""The servers of the live benchmark: the network `bench` of keytwin, and null servers with the same certificates."""

from __future__ import annotations

import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Final, Self

import msgspec

from benchmarks.live_load import HOST, End, Target
from keytwin.operation.certification import km_identity
from keytwin.operation.settings import PortPlan
from keytwin.operation.whereabouts import PKI
from keytwin.runtime.leaves import current_pair
from keytwin.service.operator_values import NetworkStatus, SaeStatus

PATIENCE: Final = 30.0  # seconds until a server answers
FIRST_PORT: Final = 21_140
PAUSE: Final = 0.02  # seconds between two looks


class Servers:
    """Starts servers in processes, which all end with the block; `folder` is theirs, on a disk and not in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._exit = ExitStack()
        self._number = 0
        self._shown: Path | None = None
        self._network: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def keytwin(self, *profile: str) -> dict[str, Target]:
        """Start the network `bench`; return its apps. `profile` is a file for samples, and of which clock."""
        state = self.folder / "state"
        arguments = ["benchmarks.live_server", str(state), str(free_ports(4))]
        process = self._network = self.start([*arguments, *profile], subprocess.PIPE)
        status = msgspec.json.decode(line_of(process), type=NetworkStatus)
        self._shown = current_pair(state / PKI / "leaves", km_identity(status.key_managers[0].node))
        return {app: target_of(status, process.pid, app) for app in dict.fromkeys(sae.app for sae in status.saes)}

    def null(self, like: Target, name: str, keys: int = 1, *, is_durable: bool = False) -> Target:
        """Start a null server for each end of a target, which has the files; the same SAEs may ask."""
        assert self._shown is not None, "it shows the certificate of a key manager: start the network first"
        pids, ends = [], []
        for end in like.ends:
            self._number += 1
            port = _free_port()
            commits = str(self.folder / f"null-{self._number}.db") if is_durable else ""
            files = [str(self._shown / f"{part}.pem") for part in ("certificate", "key")]
            process = self.start(["benchmarks.null_server", str(port), str(keys), commits, *files, like.ca])
            pids.append(process.pid)
            ends.append(End(port, end.sae, end.certificate, end.key))
        for end in ends:
            until(partial(is_listening, end.port), f"{name} does not listen")
        return Target(name, tuple(pids), (ends[0], ends[1]), like.ca)

    def signal_new_samples(self) -> None:
        """Let the network forget the samples of its start, when it takes any."""
        assert self._network is not None
        self._network.send_signal(signal.SIGUSR1)

    def start(self, arguments: Sequence[str], output: int | None = None) -> subprocess.Popen[bytes]:
        """Start a module as a process that ends with us."""
        return self._exit.enter_context(_process([sys.executable, "-m", *arguments], output))


def line_of(process: subprocess.Popen[bytes], patience: float = PATIENCE) -> bytes:
    """Return the first line that a process says; RuntimeError when it says none in time."""
    output: IO[bytes] | None = process.stdout
    assert output is not None
    is_heard, _, _ = select.select([output], [], [], patience)
    line = output.readline() if is_heard else b""
    if not line:
        raise RuntimeError("a server did not start")
    return line


def until(is_so: Callable[[], bool], otherwise: str) -> None:
    """Wait until something is so; RuntimeError when that takes too long."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > end:
            raise RuntimeError(otherwise)
        time.sleep(PAUSE)


def is_listening(port: int) -> bool:
    """Whether connections are accepted at a port."""
    try:
        socket.create_connection((HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True


@contextmanager
def _process(command: Sequence[str], output: int | None) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def target_of(status: NetworkStatus, pid: int, app: str) -> Target:
    """Return an app of a network that runs as something to be loaded."""
    first, second = (sae for sae in status.saes if sae.app == app)
    return Target(f"keytwin, {app}", (pid,), (_end(first), _end(second)), first.files.trusted)


def _end(sae: SaeStatus) -> End:
    return End(int(sae.url.rpartition(":")[2]), sae.sae, sae.files.certificate, sae.files.key)


def free_ports(nodes: int) -> int:
    """Return the base of a plan of ports that are all free now."""
    for base in range(FIRST_PORT, FIRST_PORT + 10_000, 100):
        if all(map(_is_free, PortPlan(base, nodes).all)):
            return base
    raise RuntimeError("no ports are free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
