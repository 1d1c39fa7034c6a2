"""`python -m benchmarks.soak [MINUTES [CLIENTS]]`: what the live network holds after each of many minutes of load.

Exit 1 when memory or descriptors grew by more than a twentieth in the second half. In the first one stores fill up.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.live_benchmark import DISK
from benchmarks.live_load import Loader, Shape
from benchmarks.live_servers import Servers, until

MINUTE: Final = 60.0
MOST_GROWTH: Final = 1.05
KILO: Final = 1024


def main(minutes: str = "10", clients: str = "4") -> int:
    """Load for so many minutes, and say what the network's process holds."""
    held: list[tuple[int, int]] = []
    with TemporaryDirectory(dir=DISK) as folder, Servers(Path(folder)) as servers:
        loader, target = Loader(Path(folder)), servers.keytwin()["near"]
        until(lambda: not loader.run(target, Shape(1), 0.5).told.errors, "no keys")
        pid = target.pids[0]
        for minute in range(1, int(minutes) + 1):
            told = loader.run(target, Shape(int(clients)), MINUTE).told
            held.append((resident(pid), descriptors(pid)))
            memory, files = held[-1]
            journal = sum(each.stat().st_size for each in Path(folder).rglob("journal.db*"))
            print(
                f"minute {minute:2}: {told.pairs:,} pairs, {told.errors} errors, {memory / KILO**2:.1f} MiB, "
                f"{files} descriptors, journal {journal / KILO**2:,.0f} MiB",
                flush=True,
            )
    middle = held[(len(held) - 1) // 2]
    grown = any(last > first * MOST_GROWTH for first, last in zip(middle, held[-1], strict=True))
    print("it grew" if grown else "flat")
    return int(grown)


def resident(pid: int) -> int:
    """Return what a process has of memory, in octets."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) * KILO


def descriptors(pid: int) -> int:
    """Return how many descriptors a process has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
