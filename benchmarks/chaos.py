"""`python -m benchmarks.chaos [MINUTES [PERIOD [SEED]]]`: kill -9 of a random process of a network under load.

star6 runs with `--processes`; an app's two SAEs are a process each pair, over ETSI GS QKD 014, and compare what they
get. Every PERIOD seconds a process is killed, chosen by the seed. Exit 1 when a key came twice, was not the same at
both ends, or came at one end only without an answer that broke off; when less than 99 % of the requests were answered
in 2 s, repetitions included; when it took more than 5 s until a pair was served again; or when some app got no key.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from benchmarks.chaos_client import Turn
from keytwin.operation.console import Console
from keytwin.operation.whereabouts import find, wait_until_stopped
from keytwin.service.operator_values import NetworkStatus, SaeStatus

BASE_PORT: Final = 26_140
PAUSES: Final = {"app01": 0.05, "app23": 0.05, "app45": 0.4}  # seconds: app45 may have four keys a second
QUICK: Final = 2.0  # seconds in which a request is to be answered, repetitions included
SHARE: Final = 0.99  # of the requests: facts of reliability ask for it
LONGEST_GAP: Final = 5.0  # seconds until a pair is served again
SETTLE: Final = 5.0  # seconds before the first kill
HEAL: Final = 10.0  # seconds after the last one
MOST_SHOWN: Final = 3
HUB: Final = "km/km0"  # relays for app23


@dataclass(slots=True)
class Kill:
    """One kill, and when it was."""

    name: str
    at: float


@dataclass(slots=True)
class Outcome:
    """What a run was like."""

    kills: list[Kill] = field(default_factory=list)
    turns: dict[str, list[Turn]] = field(default_factory=dict)
    given_up: list[str] = field(default_factory=list)

    def gaps(self, ends: dict[str, tuple[str, ...]]) -> list[float]:
        """Return for each kill the seconds until every app that it concerns had a key anew; infinity = it never had."""
        return [
            max(self._gap(app, kill.at) for app, names in ends.items() if kill.name in {*names, "control", "bus"})
            for kill in self.kills
        ]

    def _gap(self, app: str, at: float) -> float:
        after = (each for each in self.turns[app] if each.started >= at and is_whole(each))
        return min((each.started + (each.took or 0) + (each.fetched or 0) for each in after), default=float("inf")) - at


def is_whole(turn: Turn) -> bool:
    """Whether both ends had the key."""
    return len(turn.digests) == 2


def main(minutes: str = "10", period: str = "5", seed: str = "1") -> int:
    """Run, report and judge."""
    with TemporaryDirectory() as folder, network(Path(folder) / "state") as console:
        status = console.status()
        outcome, seconds = Outcome(), float(minutes) * 60
        clients = {app: client(status, app, SETTLE + seconds + HEAL, Path(folder) / app) for app in PAUSES}
        time.sleep(SETTLE)
        dice = random.Random(int(seed))  # noqa: S311  # chooses what dies, so that a run can be done again
        outcome.kills = kill_on(console, seconds, float(period), dice)
        for app, process in clients.items():
            process.wait()
            lines = (Path(folder) / app).read_bytes().splitlines()
            outcome.turns[app] = [msgspec.json.decode(line, type=Turn) for line in lines]
        outcome.given_up = [each.name for each in console.status().processes if each.state != "running"]
        ends = {each.app: (f"km/{each.node}", f"km/{each.peer_node}") for each in status.saes}
    print(f"seed {seed}, {minutes} min, a kill every {period} s")
    return report(outcome, ends | {"app23": (*ends["app23"], HUB)})


@contextmanager
def network(state: Path) -> Iterator[Console]:
    """Have star6 run in processes."""
    words = ["up", "star6", "--processes", "-d", "--state", str(state), "--base-port", str(BASE_PORT)]
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "keytwin", *words], check=True, stdout=subprocess.DEVNULL)
    print(f"up after {time.monotonic() - began:.1f} s", flush=True)
    console = Console(find(state, state))
    try:
        while any(each.session is None or each.session.state != "open" for each in console.status().saes):
            time.sleep(0.1)
        yield console
    finally:
        console.stop()
        wait_until_stopped(state, 30)


def client(status: NetworkStatus, app: str, seconds: float, told: Path) -> subprocess.Popen[bytes]:
    """Start the two SAEs of an app, which write to a file: a pipe that nobody empties would stop them."""
    ends: list[SaeStatus] = [each for each in status.saes if each.app == app]
    words = [sys.executable, "-m", "benchmarks.chaos_client", str(PAUSES[app]), str(seconds)]
    with told.open("wb") as out:
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=out)
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(ends))
    process.stdin.close()
    process.stdin = None
    return process


def kill_on(console: Console, seconds: float, period: float, dice: random.Random) -> list[Kill]:
    """Kill a process every so many seconds."""
    kills, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        running = {each.name: each.pid for each in console.status().processes if each.pid is not None}
        name = dice.choice(sorted(running))
        os.kill(running[name] or 0, signal.SIGKILL)
        kills.append(Kill(name, time.monotonic()))
        time.sleep(period)
    return kills


@dataclass(slots=True)
class Figures:
    """What the turns of a run come to."""

    requests: int
    quick: float  # share
    whole: int
    lost: list[Turn]
    unexplained: list[Turn]
    twice: int
    mismatched: int
    gaps: list[float]

    @property
    def is_good(self) -> bool:
        """Whether every promise was kept."""
        broken = self.twice or self.mismatched or self.unexplained
        return not broken and self.quick >= SHARE and max(self.gaps) <= LONGEST_GAP


def figures(outcome: Outcome, ends: dict[str, tuple[str, ...]]) -> Figures:
    """Count."""
    turns = [turn for each in outcome.turns.values() for turn in each]
    waits = [each.took for each in turns] + [each.fetched for each in turns if each.key_id]
    whole = [each for each in turns if is_whole(each)]
    lost = [each for each in turns if each.key_id and not is_whole(each)]
    names = Counter(each.key_id for each in turns if each.key_id)
    contents = Counter(each.digests[0] for each in turns if each.digests)
    return Figures(
        requests=len(waits),
        quick=sum(wait is not None and wait <= QUICK for wait in waits) / max(1, len(waits)),
        whole=len(whole),
        lost=lost,
        unexplained=[each for each in lost if not each.is_unfinished],
        twice=sum(each.is_twice for each in turns) + sum(n > 1 for n in (*names.values(), *contents.values())),
        mismatched=sum(each.digests[0] != each.digests[1] for each in whole),
        gaps=outcome.gaps(ends) or [float("inf")],
    )


def report(outcome: Outcome, ends: dict[str, tuple[str, ...]]) -> int:
    """Print what there was, and return the exit code."""
    found = figures(outcome, ends)
    killed = ", ".join(f"{name} {number}" for name, number in sorted(Counter(k.name for k in outcome.kills).items()))
    apps = ", ".join(f"{app} {sum(map(is_whole, each)):,}" for app, each in outcome.turns.items())
    print(f"kills                 {len(outcome.kills)}: {killed}")
    print(f"requests              {found.requests:,}, {found.quick:.2%} answered within {QUICK:g} s with repetitions")
    print(f"keys at both ends     {found.whole:,}: {apps}")
    explained = len(found.lost) - len(found.unexplained)
    print(f"keys at one end only  {len(found.lost)}, of which {explained} by an answer that broke off")
    print(f"keys twice            {found.twice}\nkeys not the same     {found.mismatched}")
    print(f"served again after    {median(found.gaps):.2f} s (median), {max(found.gaps):.2f} s (worst)")
    for each in found.unexplained[:MOST_SHOWN]:
        print(f"  {each.started:.1f} {each.key_id}: {each.refusal}")
    for kill, gap in sorted(zip(outcome.kills, found.gaps, strict=False), key=lambda both: -both[1])[:MOST_SHOWN]:
        print(f"  {kill.name}, killed at {kill.at:.1f}: {gap:.2f} s")
    if outcome.given_up:
        print(f"not running           {', '.join(outcome.given_up)}")
    has_work = all(any(map(is_whole, each)) for each in outcome.turns.values())
    is_good = found.is_good and has_work and not outcome.given_up
    print("good" if is_good else "BAD")
    return int(not is_good)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
