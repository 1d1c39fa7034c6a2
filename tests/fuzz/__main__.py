"""`python -m tests.fuzz TARGET [--seconds N]`: fuzz one reader by coverage (atheris), from its seeds on.

Ends with the input that broke it, written to the present folder, and with a status other than 0; put such an input into
`findings/<target>/` once it is mended, and the tests replay it for ever.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

SECONDS = 60
LONGEST = 4_096  # octets of an input


def main() -> None:
    """Run until the time is over or something breaks."""
    with atheris.instrument_imports(include=["keytwin"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415  # instrumented while it is imported
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    target = TARGETS[told.target]
    with tempfile.TemporaryDirectory() as folder:
        for number, octets in enumerate(target.seeds()):
            Path(folder, f"seed{number}").write_bytes(octets)
        options = [f"-max_total_time={told.seconds}", f"-seed={told.seed}", f"-max_len={LONGEST}", "-timeout=10"]
        options.append("-rss_limit_mb=0")  # what it counts is inherited from whoever started us
        atheris.Setup([sys.argv[0], *options, "-print_final_stats=1", folder], target.run)
        atheris.Fuzz()


main()
