"""Load on live faces from another process, in C where there is a compiler, and what it cost those who served."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

HOST: Final = "127.0.0.1"
SOURCE: Final = Path(__file__).with_name("live_client.c")
PATIENCE: Final = 60.0  # seconds beyond the load itself


@dataclass(frozen=True, slots=True)
class End:
    """A face's port, and the SAE that asks there with its files."""

    port: int
    sae: str
    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Target:
    """What is loaded: who serves (processes), at which two ends, and whom the clients trust."""

    name: str
    pids: tuple[int, ...]
    ends: tuple[End, End]
    ca: str


@dataclass(frozen=True, slots=True)
class Shape:
    """How much load: clients at once, keys in each request, and whether half of the clients have the ends swapped."""

    clients: int
    keys: int = 1
    both_ways: bool = False


class Told(msgspec.Struct, frozen=True):
    """What a client tells in the end: pairs, errors, seconds, and microseconds of a pair."""

    pairs: int
    errors: int
    seconds: float
    median: float
    p99: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: what the client told, and the CPU seconds of the servers meanwhile."""

    told: Told
    cpu: float

    @property
    def rate(self) -> float:
        """Pairs a second."""
        return self.told.pairs / self.told.seconds

    @property
    def cpu_per_pair(self) -> float:
        """Milliseconds of CPU that all servers together took for a pair."""
        return 1000 * self.cpu / max(1, self.told.pairs)


class Loader:
    """A client program, ready to run; `about` says which it is."""

    def __init__(self, folder: Path) -> None:
        compiled = _compiled(folder)
        self.about = "client in C" if compiled else "client in Python: no C compiler with OpenSSL here"
        self._command = [str(compiled)] if compiled else [sys.executable, "-m", "benchmarks.live_client"]

    def run(self, target: Target, shape: Shape, seconds: float) -> Sample:
        """Put load on a target for so many seconds, once all connections are warm."""
        command = [*self._command, *_arguments(target, shape, seconds)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            try:
                began = client.stdout.readline().strip() == "go"
                before = cpu_seconds(target.pids)
                said, _ = client.communicate(timeout=seconds + PATIENCE)
            except BaseException:
                client.kill()
                raise
        if not began or client.returncode:
            raise RuntimeError(f"the load on {target.name} failed with {client.returncode}")
        return Sample(msgspec.json.decode(said, type=Told), cpu_seconds(target.pids) - before)


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the CPU seconds that processes have taken, in user and system (proc(5)); 0 where there is no /proc."""
    ticks = 0
    for pid in pids:
        try:
            line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        except FileNotFoundError:
            return 0.0
        fields = line.rpartition(")")[2].split()  # the name before may hold anything
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _arguments(target: Target, shape: Shape, seconds: float) -> Sequence[str]:
    load = (shape.clients, seconds, shape.keys, int(shape.both_ways))
    ends = [(end.port, end.sae, end.certificate, end.key) for end in target.ends]
    return [str(each) for each in (*load, HOST, target.ca, *ends[0], *ends[1])]


def _compiled(folder: Path) -> Path | None:
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        return None
    program = folder / "live_client"
    command = [compiler, "-O2", "-o", str(program), str(SOURCE), "-lssl", "-lcrypto", "-lpthread"]
    done = subprocess.run(command, capture_output=True, check=False)
    return program if done.returncode == 0 else None
