"""Equal seed, equal bytes: in one interpreter, and in two that hash text differently."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache

from tests.architecture.source import ROOT
from tests.runtime import gossip


@cache
def elsewhere() -> list[list[str]]:
    """Run the toy network in two interpreters at once, with different hashes; give what each of them printed."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    interpreters = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.runtime.gossip"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": hashes},
            stdout=subprocess.PIPE,
            text=True,
        )
        for hashes in ("1", "2")
    ]
    return [interpreter.communicate(timeout=60)[0].splitlines() for interpreter in interpreters]


def test_two_interpreters_with_other_hashes_do_the_same() -> None:
    (one, *_), (two, *_) = elsewhere()
    assert one == two == gossip.run(7)


def test_another_seed_does_something_else() -> None:
    (seven, eight, _), _ = elsewhere()
    assert seven != eight


def test_a_machine_that_leans_on_the_order_of_a_set_would_be_found() -> None:
    (*_, one), (*_, two) = elsewhere()
    assert one != two
