"""`python -m benchmarks [area ...]`: measure, print the table, keep the figures; exit 1 when one misses its must."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.table import Row, calibration, keep, machine_line, show


def main(wanted: Sequence[str]) -> int:
    """Run the benchmarks of the wanted areas, or of all."""
    known = areas()
    unknown = [area for area in wanted if area not in known]
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    machine = machine_line()
    rows = [calibration(), *measured(wanted or known)]
    print(f"{machine}\n\n{show(rows)}\n\nkept in {keep(rows, machine)}")
    return int(any(row.verdict == "MISSED" for row in rows))


def areas() -> list[str]:
    """List the areas that have a module here."""
    return sorted(path.name.removesuffix("_benchmark.py") for path in Path(__file__).parent.glob("*_benchmark.py"))


def measured(wanted: Sequence[str]) -> Iterator[Row]:
    """Run the areas one after the other, and say so meanwhile: some take a minute."""
    for area in wanted:
        print(f"measuring {area} ...", file=sys.stderr)
        yield from import_module(f"benchmarks.{area}_benchmark").rows()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
