"""`python -m benchmarks.hostile [SECONDS [ATTACK ...]]`: whether others are served as before while somebody is hostile.

The network `bench` runs live. Ten well-behaved clients ask it for pairs by ETSI GS QKD 014, eight over connections that
they keep and two over new ones. Each attack is on for SECONDS (6); before it and after it the same is measured without
it, so that what else the machine does meets both. Exit 1 when during some attack fewer than 0.7 of the requests were
answered, or one of them was not; when 99 % of them took longer than 250 ms and than 5 times what they took without it;
or when the server grew by more than 256 MiB.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from benchmarks.hostile_attacks import Held
from benchmarks.hostile_client import Ask, Service
from benchmarks.live_benchmark import DISK
from benchmarks.live_load import Target
from benchmarks.live_servers import Servers, line_of
from benchmarks.table import machine_line

SECONDS: Final = 6.0
SETTLING: Final = 2.0  # seconds
BUILDING: Final = 180.0  # seconds in which an attack is in place
LOOK: Final = 0.1  # seconds between two looks at the memory
LEAST_SHARE: Final = 0.7  # of the requests a second: the attacker takes its part of the same processors
LONGEST: Final = 250.0  # ms
MOST_TIMES: Final = 5.0
MOST_GROWTH: Final = 256  # MiB
KIBIBYTES: Final = 1_024
ATTACKS: Final = {
    "one_mute": "one TCP connection that never speaks TLS",
    "many_mute": "5,000 such connections, opened again when closed",
    "trickle": "100 headers that come an octet each half second",
    "idle_tls": "5,000 idle TLS connections",
    "large_body": "two bodies of 1 GiB, again and again",
    "flood": "handshakes without a certificate, 16 at once",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """One attack: how others were served without and with it, what it held, MiB by which the server grew."""

    name: str
    without: Service
    during: Service
    held: Held
    growth: float

    @property
    def share(self) -> float:
        """Of the requests a second."""
        return self.during.rate / self.without.rate if self.without.rate else 0.0

    @property
    def faults(self) -> tuple[str, ...]:
        """What is not as before."""
        found = []
        if self.without.errors:
            found.append(f"{self.without.errors} errors without it, such as {self.without.first_error}")
        if self.share < LEAST_SHARE:
            found.append(f"{self.share:.2f} of the requests")
        if self.during.errors:
            found.append(f"{self.during.errors} errors, such as {self.during.first_error}")
        if self.during.p99 > max(LONGEST, MOST_TIMES * self.without.p99):
            found.append(f"99 % within {self.during.p99:.0f} ms only")
        if self.growth > MOST_GROWTH:
            found.append(f"{self.growth:.0f} MiB more")
        return tuple(found)


def between(before: Service, after: Service) -> Service:
    """Return how it was on both sides of an attack: all requests, the mean of the medians, the worse of the rest."""
    return Service(
        requests=before.requests + after.requests,
        seconds=before.seconds + after.seconds,
        median=(before.median + after.median) / 2,
        p99=max(before.p99, after.p99),
        errors=before.errors + after.errors,
        first_error=before.first_error or after.first_error,
    )


def table(trials: Sequence[Trial]) -> Iterator[str]:
    """Give the lines: for each attack the figures without it and with it."""
    yield f"{'':50}{'requests/s':>14}{'median ms':>16}{'99 % ms':>18}{'errors':>8}{'memory':>10}  held"
    for each in trials:
        rates = f"{each.without.rate:.0f} {each.during.rate:.0f}"
        medians = f"{each.without.median:.1f} {each.during.median:.1f}"
        p99s = f"{each.without.p99:.1f} {each.during.p99:.1f}"
        held = f"{each.held.open:,} of {each.held.wanted:,}, {each.held.opened:,} opened"
        yield (
            f"{each.name:50}{rates:>14}{medians:>16}{p99s:>18}{each.during.errors:>8}{each.growth:>+6.0f} MiB  {held}"
        )


def verdict(trials: Sequence[Trial]) -> tuple[str, int]:
    """Return the last line, and the exit code."""
    times = f"99 % within {LONGEST:g} ms or {MOST_TIMES:g} times as long"
    wrong = [f"{each.name}: {', '.join(each.faults)}" for each in trials if each.faults]
    if wrong:
        return "\n".join(("BAD: others are not served as before", *wrong)), 1
    bounds = f"at least {LEAST_SHARE:g} of the requests, no error, {times}, {MOST_GROWTH} MiB more at most"
    return f"good: others are served as before ({bounds})", 0


def main(seconds: str = str(SECONDS), *names: str) -> int:
    """Run all attacks, or those named, one after the other; report and judge."""
    unknown = set(names) - {*ATTACKS}
    if unknown:
        sys.exit(f"there is no attack {', '.join(sorted(unknown))}: there are {', '.join(ATTACKS)}")
    print(machine_line(), flush=True)
    trials: list[Trial] = []
    with TemporaryDirectory(dir=DISK) as folder, Servers(Path(folder)) as servers:
        apps = servers.keytwin()
        served(apps["near"], SETTLING)  # sessions open, pools fill
        before = served(apps["near"], float(seconds))
        for name in names or ATTACKS:
            during, held, growth = attacked(name, apps, float(seconds))
            time.sleep(SETTLING)  # what was held is let go
            after = served(apps["near"], float(seconds))
            trials.append(Trial(ATTACKS[name], between(before, after), during, held, growth))
            before = after
            print(f"  {ATTACKS[name]}: {trials[-1].share:.2f} of the requests", flush=True)
    print(*table(trials), sep="\n")
    said, code = verdict(trials)
    print(said)
    return code


def attacked(name: str, apps: dict[str, Target], seconds: float) -> tuple[Service, Held, float]:
    """Measure during an attack; return what it held, too, and by how much the server grew."""
    target, hostile = apps["near"], apps["bulk"].ends[0]  # an SAE of the same node
    rest = memory(target.pids)
    words = [name, str(hostile.port), target.ca, hostile.certificate, hostile.key]
    command = [sys.executable, "-m", "benchmarks.hostile_attacks", *words]
    with watched(target.pids) as peaks, _attacking(command) as attack:
        during = served(target, seconds)
        assert attack.stdin is not None
        attack.stdin.write(b"\n")
        attack.stdin.flush()
        held = msgspec.json.decode(line_of(attack), type=Held)
    return during, held, max(peaks) - rest


def served(target: Target, seconds: float) -> Service:
    """Let the good clients ask, and return how they were served."""
    ends = target.ends
    ask = Ask(
        (ends[0].port, ends[1].port),
        (ends[0].sae, ends[1].sae),
        (ends[0].certificate, ends[1].certificate),
        (ends[0].key, ends[1].key),
        target.ca,
        seconds,
    )
    words = [sys.executable, "-m", "benchmarks.hostile_client"]
    done = subprocess.run(words, input=msgspec.json.encode(ask), stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=Service)


def memory(pids: Sequence[int]) -> float:
    """Return the MiB that processes have in memory (proc(5))."""
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / KIBIBYTES


@contextmanager
def watched(pids: Sequence[int]) -> Iterator[list[float]]:
    """Look at the memory of processes again and again; gives what was seen."""
    seen, is_over = [memory(pids)], threading.Event()

    def look() -> None:
        while not is_over.wait(LOOK):
            seen.append(memory(pids))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        is_over.set()
        watcher.join()


@contextmanager
def _attacking(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            said = line_of(process, BUILDING)
            assert said == b"ready\n", said
            yield process
        finally:
            process.kill()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
