"""`python -m benchmarks.live_server STATE PORT [PROFILE [cpu]]`: the network `bench`, live, in a process of its own.

Prints its status as JSON when every face accepts, and ends with its standard input. PROFILE is a file for samples of
where it was (`live_profile`), by the clock or by its own CPU time.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.lifeline import end_with_parent
from benchmarks.live_samples import Samples
from keytwin.files.network import read_network
from keytwin.operation.settings import Ready, UpSettings
from keytwin.operation.up import serve

BINARY: Final = 10  # from the first port of all to the first of the binary ETSI GS QKD 004
NETWORK: Final = Path(__file__).with_name("bench.yaml")


def main(state: str, port: str, profile: str = "", clock: str = "wall") -> None:
    """Serve until whoever started this has gone."""
    settings = UpSettings(read_network(str(NETWORK)), Path(state), base_port=int(port), port_004=int(port) + BINARY)
    end_with_parent()
    if not profile:
        serve(settings, _tell)
        return
    with Samples(Path(profile), of_cpu=clock == "cpu"):
        serve(settings, _tell)


def _tell(ready: Ready) -> None:
    print(msgspec.json.encode(ready.status).decode(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
