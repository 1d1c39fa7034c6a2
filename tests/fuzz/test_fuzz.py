"""Every fuzz target for a few seconds, its seeds, and whatever fuzzing once found."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.architecture.source import ROOT
from tests.fuzz.targets import TARGETS
from tests.marks import invariant

SECONDS = 4
FINDINGS = sorted(path for path in Path(__file__).parent.glob("findings/*/*") if path.is_file())
RUNS = re.compile(rb"stat::number_of_executed_units:\s*(\d+)")
each_target = pytest.mark.parametrize("name", sorted(TARGETS))


@invariant("Z9")
@each_target
def test_seeds_are_read(name: str) -> None:
    seeds = list(TARGETS[name].seeds())
    assert seeds
    for octets in seeds:
        TARGETS[name].run(octets)


@invariant("Z9")
@each_target
@given(octets=st.binary(max_size=200))
def test_anything_at_all_is_taken(name: str, octets: bytes) -> None:
    TARGETS[name].run(octets)


@invariant("Z9")
@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_fuzzing_found_stays_mended(path: Path) -> None:
    TARGETS[path.parent.name].run(path.read_bytes())


def test_make_fuzz_leaves_no_target_out() -> None:
    line = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("FUZZED :="))
    assert sorted(line.removeprefix("FUZZED :=").split()) == sorted(TARGETS)


@pytest.mark.slow
@invariant("Z9")
@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris has no wheel for this Python or machine")
@each_target
def test_nothing_is_found_in_seconds(name: str) -> None:
    command = [sys.executable, "-m", "tests.fuzz", name, "--seconds", str(SECONDS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert not done.returncode, done.stderr.decode(errors="replace")[-4000:]
    runs = RUNS.search(done.stderr)
    assert runs, done.stderr
    assert int(runs[1]) > 100, "a fuzzer that tried nothing finds nothing"
