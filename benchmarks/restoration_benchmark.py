"""A link of a live network is cut under load: how long until there is a new route, and what it cost those who asked."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from benchmarks.live_benchmark import DISK
from benchmarks.live_load import Loader, Shape, Told
from benchmarks.live_servers import free_ports, target_of
from benchmarks.table import Row
from keytwin.operation.console import Console
from keytwin.operation.whereabouts import find
from keytwin.vocabulary.units import NANOSECONDS_PER_SECOND

NETWORK: Final = Path(__file__).with_name("bench-ring.yaml")
APP: Final = "across"
CUTS: Final = 5
CLIENTS: Final = Shape(4, both_ways=True)
SECONDS: Final = 2.0  # of load around each cut
SPEED: Final = "20"  # of the twins, so that pools fill up again between two cuts
OLDEST: Final = 1_000  # events in a page


def rows() -> Iterator[Row]:
    """Cut the link that is used, a few times over, and heal it again."""
    with TemporaryDirectory(dir=DISK) as folder:
        state = Path(folder) / "state"
        place = ("--state", str(state))
        _keytwin("up", str(NETWORK), "-d", "--speed", SPEED, "--base-port", str(free_ports(4)), *place)
        try:
            told, waits = _cuts(Path(folder), Console(find(state, state)))
        finally:
            _keytwin("down", *place)
    worst, median = max(waits), statistics.median(waits)
    reference = f"worst of {CUTS}, median {median:.3f} s; from the loss of light to the new route's reservation"
    yield Row("link cut under load: new route", worst, "s", reference, must=1.0, aim=0.2, is_cost=True)
    pairs, errors = sum(each.pairs for each in told), sum(each.errors for each in told)
    yield Row("link cut under load: pairs with an error", errors, "pairs", f"of {pairs:,}", must=0, is_cost=True)


def _cuts(folder: Path, console: Console) -> tuple[list[Told], list[float]]:
    loader, target = Loader(folder), target_of(console.status(), console.where.run.pid, APP)
    while loader.run(target, CLIENTS, 0.5).told.errors:  # until the first keys are there
        pass
    told, waits = [], []
    with ThreadPoolExecutor(1) as beside:
        for _ in range(CUTS):
            before = console.events(0).last
            load = beside.submit(loader.run, target, CLIENTS, SECONDS)
            link = _link_in_use(console)
            console.fault(link, "cut")
            told.append(load.result().told)
            waits.append(_wait(console, before))
            console.fault(link, "heal")
    return told, waits


def _events(console: Console, after: int) -> Iterator[dict[str, object]]:
    while page := console.events(after, OLDEST):
        if not page.events:
            return
        yield from (msgspec.json.decode(each.event) for each in page.events)
        after = page.last


def _link_in_use(console: Console) -> str:
    routes = [event["route"] for event in _events(console, 0) if event["type"] == "SessionAdmitted"]
    return str(routes[-1]["links"][0])  # type: ignore[index]


def _wait(console: Console, after: int) -> float:
    """Return the seconds from the loss of light to the admission of the next route."""
    off: int | None = None
    for event in _events(console, after):
        if event["type"] == "LinkStatusChanged" and event["status"] == "OFF":
            off = int(str(event["at"]))
        if event["type"] == "SessionAdmitted" and off is not None:
            return (int(str(event["at"])) - off) / NANOSECONDS_PER_SECOND
    raise RuntimeError("the session was given no new route")


def _keytwin(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "keytwin", *words], check=True, capture_output=True)
