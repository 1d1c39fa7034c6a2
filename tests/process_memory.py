"""What a process has in its memory, for tests that look for key there: it is stopped meanwhile, or looks at itself."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

UNREADABLE: Final = {"[vvar]", "[vsyscall]"}
STOPPING: Final = 30.0  # seconds until a process that has not stopped never will


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Let a process do nothing for a while: one that runs gives pages back between being listed and being read."""
    os.kill(pid, signal.SIGSTOP)
    try:
        end = time.monotonic() + STOPPING
        while any(state != "T" for state in _states(pid)):
            assert time.monotonic() < end, "the process does not stop"
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def memory(pid: int) -> Iterator[tuple[str, bytes]]:
    """Give all that a process can write to, mapping by mapping, each as the system lists it and whole."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as mem:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            extent, rights, *_, name = [*line.split(maxsplit=5), ""][:6]
            first, last = (int(each, 16) for each in extent.split("-"))
            if "w" in rights and name not in UNREADABLE:
                mem.seek(first)
                octets = mem.read(last - first)
                assert len(octets) == last - first, f"{line}: {len(octets)} octets only"
                yield line, octets


def _states(pid: int) -> list[str]:
    """Return what each thread of a process does, in the letters of proc(5)."""
    stats = (path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat"))
    return [stat.rpartition(")")[2].split()[0] for stat in stats]
