"""A live network against the null server: pairs of ETSI GS QKD 014 over mutual TLS, and how long a start takes.

A pair is an enc_keys at one key manager and the dec_keys for it at the other, octets compared, durable at both ends
before it is answered. All servers are up at the same time and take turns, so what else the machine does meets them all.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.live_load import Loader, Sample, Shape, Target, cpu_seconds
from benchmarks.live_servers import Servers, free_ports, until
from benchmarks.table import REPETITIONS, Row

ROUNDS: Final = 5
SECONDS: Final = 0.6  # of each run
STARTS: Final = 2  # of a network: the better one counts
QUIET: Final = 0.1  # seconds in which a server that is at rest takes less than a tick of CPU or two
DISK: Final = "/var/tmp"  # noqa: S108  # not in memory, as /tmp may be (Filesystem Hierarchy Standard 3.0, clause 5.15)
QUDITTO: Final = "Quditto: three hosts, Ansible"


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of load, who serves it besides the null server and keytwin, and what keytwin is to reach."""

    name: str
    shape: Shape
    app: str = "near"
    must: float | None = None
    aim: float | None = None
    cpu_must: float | None = None
    has_durable: bool = False


CASES: Final = (
    Case("014 pair, 1 client", Shape(1), must=0.40, aim=0.75, has_durable=True),
    Case("014 pair, 8 clients", Shape(8), must=0.65, aim=1.1, cpu_must=0.85, has_durable=True),
    Case("014 pair, 32 clients", Shape(32), must=0.80, aim=1.25, cpu_must=0.85, has_durable=True),
    Case("014 pair of 64 keys, 8 clients", Shape(8, keys=64), app="bulk", must=0.30, aim=0.55),
    Case("014 pair over 2 hops both ways, 8 clients", Shape(8, both_ways=True), app="far", must=0.15, aim=0.5),
)


@dataclass(slots=True)
class Figures:
    """The samples of one case, in rounds."""

    null: list[Sample] = field(default_factory=list)
    durable: list[Sample] = field(default_factory=list)
    keytwin: list[Sample] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Pairs a second over those of the null server."""
        return median(_against(self.null, self.keytwin, _rate))

    @property
    def cpu_ratio(self) -> float:
        """CPU of a pair over that of the null server."""
        return median(_against(self.null, self.keytwin, _cpu_per_pair))


def rows() -> Iterable[Row]:
    """Measure."""
    yield from start_rows()
    figures = {case: Figures() for case in CASES}
    with TemporaryDirectory(dir=DISK) as folder, Servers(Path(folder)) as servers:
        loader = Loader(Path(folder))
        targets = _targets(servers, loader)
        for _ in range(ROUNDS):
            for case in CASES:
                _round(case, figures[case], targets, loader)
        for case in CASES:
            yield from _rows_of(case, figures[case], loader.about)
    wrong = sum(sample.told.errors for each in figures.values() for sample in each.keytwin)
    pairs = sum(sample.told.pairs for each in figures.values() for sample in each.keytwin)
    yield Row("014 pairs with an error", wrong, "pairs", f"of {pairs:,} good ones", must=0, is_cost=True)


# --- pairs ------------------------------------------------------------------------------------------------------------


def _targets(servers: Servers, loader: Loader) -> dict[str, Target]:
    """Start everything, and wait until sessions are open and pools are full."""
    apps = servers.keytwin()
    targets = {
        **apps,
        "null near 1": servers.null(apps["near"], "null"),
        "null bulk 64": servers.null(apps["bulk"], "null, 64 keys", keys=64),
        "null far 1": servers.null(apps["far"], "null, far"),
        "durable": servers.null(apps["near"], "null, two commits", is_durable=True),
    }
    for target in apps.values():
        until(lambda target=target: not loader.run(target, Shape(2), 0.1).told.errors, "no keys")  # type: ignore[misc]
        loader.run(target, Shape(8), SECONDS)
    return targets


def _round(case: Case, figures: Figures, targets: dict[str, Target], loader: Loader) -> None:
    """Let each server of a case have its turn."""
    keytwin = targets[case.app]
    figures.null.append(loader.run(targets[f"null {case.app} {case.shape.keys}"], case.shape, SECONDS))
    if case.has_durable:
        figures.durable.append(loader.run(targets["durable"], case.shape, SECONDS))
    figures.keytwin.append(loader.run(keytwin, case.shape, SECONDS))
    until(partial(_is_quiet, keytwin), "keytwin does not come to rest")


def _is_quiet(target: Target) -> bool:
    """Whether a server does nothing any more: pools are filled up again after a run, which would slow the next one."""
    before = cpu_seconds(target.pids)
    time.sleep(QUIET)
    return cpu_seconds(target.pids) - before < 0.3 * QUIET


def _rows_of(case: Case, figures: Figures, about: str) -> Iterator[Row]:
    rates = [median(map(_rate, samples)) for samples in (figures.null, figures.keytwin)]
    told = figures.keytwin[-1].told
    times = f"median {told.median / 1000:.2f} ms, p99 {told.p99 / 1000:.2f} ms"
    compared = f"null {rates[0]:,.0f}/s, keytwin {rates[1]:,.0f}/s: {times}; {about}"
    yield Row(case.name, figures.ratio, "x null", compared, case.must, case.aim)
    yield Row(f"{case.name}, rate", rates[1], "pairs/s", f"null server {rates[0]:,.0f}/s")
    if case.has_durable:
        ratio = median(_against(figures.null, figures.durable, _rate))
        spent = f"{median(map(_cpu_per_pair, figures.durable)):.3f} ms CPU a pair"
        commits = f"{median(map(_rate, figures.durable)):,.0f}/s, {spent}, one SQLite commit an answer"
        yield Row(f"{case.name}, null with commits", ratio, "x null", commits)
    if figures.null[0].cpu:
        null, ours = (median(map(_cpu_per_pair, samples)) for samples in (figures.null, figures.keytwin))
        spent = f"null {null:.3f} ms, keytwin {ours:.3f} ms a pair, all processes that serve"
        aim = 0.5 if case.cpu_must is not None else None
        yield Row(f"{case.name}, server CPU", figures.cpu_ratio, "x null", spent, case.cpu_must, aim, is_cost=True)


def _rate(sample: Sample) -> float:
    return sample.rate


def _cpu_per_pair(sample: Sample) -> float:
    return sample.cpu_per_pair


def _against(null: list[Sample], others: list[Sample], figure: Callable[[Sample], float]) -> list[float]:
    """Return the ratio of each round."""
    return [figure(other) / max(figure(plain), 1e-9) for plain, other in zip(null, others, strict=True)]


# --- starts -----------------------------------------------------------------------------------------------------------


def start_rows() -> Iterator[Row]:
    """Measure starts from nothing: the interpreter's own, certificates and pools are in them."""
    keytwin = str(Path(sys.executable).with_name("keytwin"))
    imported, helped = [sys.executable, "-c", "import keytwin"], [keytwin, "--help"]
    yield Row("start: import keytwin", _quickest(imported), "s", QUDITTO, 0.3, 0.15, is_cost=True)
    yield Row("start: keytwin --help", _quickest(helped), "s", QUDITTO, 0.5, 0.2, is_cost=True)
    served = min(_seconds_to_serve(keytwin) for _ in range(STARTS))
    yield Row("start: six nodes serving", served, "s", QUDITTO, 3, 1, is_cost=True)


def _quickest(command: Sequence[str]) -> float:
    return min(_seconds_of(command) for _ in range(REPETITIONS))


def _seconds_of(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _seconds_to_serve(keytwin: str) -> float:
    """Start the six-node star with a new state, and stop it again."""
    with TemporaryDirectory(dir=DISK) as folder:
        state = ["--state", f"{folder}/state"]
        try:
            return _seconds_of([keytwin, "up", "star6", "-d", *state, "--base-port", str(free_ports(6))])
        finally:
            subprocess.run([keytwin, "down", *state], stdout=subprocess.DEVNULL, check=True)
