"""K5: of what a journal writes, reads and shortens no key is left in the memory of the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.marks import invariant
from tests.runtime.residue import ROUNDS

KEYS_A_ROUND = 64 + 2 * 100 + 2 * 300


@invariant("K5")
@pytest.mark.skipif(sys.platform != "linux", reason="/proc has the memory of a process on Linux only")
def test_k5_what_a_journal_wrote_and_read_is_in_no_freed_memory(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.runtime.residue", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    held, left = map(int, done.stdout.split())
    assert held == ROUNDS * KEYS_A_ROUND, "what is held is found, once, so that the search is known to search"
    assert left == 0, "and nothing afterwards"
