"""The Promela models, checked by spin: each holds, and each fails once a bug is planted in it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

MODELS = Path(__file__).resolve().parents[2] / "models"
MEGABYTES = 3000
SECONDS = 300  # a bound for a machine that is busy: the longest of them takes some seconds

TOOLS_MISSING = [tool for tool in ("spin", "gcc") if shutil.which(tool) is None]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(TOOLS_MISSING), reason=f"not installed: {', '.join(TOOLS_MISSING)} (Debian package)"),
]

REUSE = "used[next[me]]"
UNNOTICED = "superseded[who]"

PLANTED = {
    "RECEIVER_MARK_IGNORED": REUSE,  # the lease is not witnessed: granted where the sender asks
    "SENDER_MARK_IGNORED": REUSE,
    "ANSWERED_BEFORE_DURABLE": REUSE,
    "USED_BEFORE_DURABLE": REUSE,
    "REST_USED_AGAIN": REUSE,  # after a crash
    "STALE_ANSWER_TAKEN": REUSE,
    "ANSWER_OF_ANOTHER_TAKEN": REUSE,
    "REPEAT_TO_ANYBODY": UNNOTICED,
    "INCARNATION_IGNORED": UNNOTICED,
    "LOST_BOTH": REUSE,  # no bug of a side: what two witnesses cannot help against
}


def check(model: str, directory: Path, *macros: str) -> str:
    """Let spin search the model in full, or up to its first error; return the report."""
    generate = ["spin", *(f"-D{macro}" for macro in macros), "-a", str(MODELS / f"{model}.pml")]
    build = ["gcc", "-O1", "-w", "-DSAFETY", "-DCOLLAPSE", f"-DMEMLIM={MEGABYTES}", "-o", "pan", "pan.c"]
    for command in (generate, build):
        made = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert made.returncode == 0, made.stdout + made.stderr
    search = ["./pan", "-m200000"]
    return subprocess.run(search, cwd=directory, capture_output=True, text=True, timeout=SECONDS, check=True).stdout


def errors(report: str) -> int:
    """Return the errors of a search that was not cut short."""
    assert "max search depth too small" not in report, report
    assert "out of memory" not in report, report
    found = re.search(r"errors: (\d+)", report)
    assert found, report
    return int(found[1])


@pytest.mark.invariant("P1")
@pytest.mark.invariant("P2")
def test_no_pad_is_used_twice_though_one_side_is_set_back_or_copied(tmp_path: Path) -> None:
    report = check("pad_lease", tmp_path)
    assert errors(report) == 0
    stored = re.search(r"(\d+) states, stored", report)
    assert stored, report
    assert int(stored[1]) > 100_000, "the model hardly moves: what it shows is empty"


@pytest.mark.invariant("P2")
@pytest.mark.parametrize("bug", PLANTED)
def test_a_bug_planted_in_the_lease_is_found(tmp_path: Path, bug: str) -> None:
    report = check("pad_lease", tmp_path, bug)
    assert errors(report) > 0
    violated = next(line for line in report.splitlines() if "assertion violated" in line)
    assert PLANTED[bug] in violated
