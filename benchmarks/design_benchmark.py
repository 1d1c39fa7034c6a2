"""How long a need takes to its verdict: `keytwin design` from beginning to end, and what a replay of it takes.

As processes of their own, since a user pays for imports, for the first look at the physics and for every file as well.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from benchmarks.table import Row

CASE: Final = "long-range"
ELSEWHERE: Final = "paper A's case, all files and the report written; by hand elsewhere"


def rows() -> Iterable[Row]:
    """Measure the case of the paper, the same left open, and its replay."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        yield _row(f"design {CASE}, need to report", "design", CASE, "-o", str(out), reference=ELSEWHERE, must=10)
        assert (out / "report.html").is_file()
        yield _row(f"eval --replay of {CASE}", "eval", "--replay", str(out / "verdict.json"))


def _row(name: str, *words: str, reference: str = "", must: float | None = None) -> Row:
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "keytwin", *words], capture_output=True, text=True, check=False)
    taken = time.perf_counter() - began
    assert done.returncode == 0, done.stderr
    return Row(name, taken, "s", reference, must, is_cost=True)
