"""A network in processes as a user starts it, and SAEs that ask it for keys while its processes are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from benchmarks.chaos_client import Client, Turn, turn
from keytwin.operation.console import Console
from keytwin.operation.whereabouts import find, is_running, wait_until_stopped
from keytwin.runtime.bus_nats import library
from keytwin.runtime.bus_server import program
from keytwin.service.operator_values import NetworkStatus, ProcessStatus
from keytwin.vocabulary.errors import Refusal
from tests.architecture.source import ROOT
from tests.fakes.ports import free_ports

NODES = 6
LONGEST = 120.0  # seconds until a test that hangs is a failed one
APPS = ("app01", "app23", "app45")


@dataclass
class Up:
    """A network that runs."""

    state: Path
    base: int

    @property
    def console(self) -> Console:
        return Console(find(self.state, self.state))

    def status(self) -> NetworkStatus:
        return self.console.status()

    def process(self, name: str) -> ProcessStatus:
        return next(each for each in self.status().processes if each.name == name)

    def signal(self, name: str, number: signal.Signals) -> None:
        pid = self.process(name).pid
        assert pid is not None
        os.kill(pid, number)

    def kill(self, name: str) -> None:
        """Kill a process, and wait until another has its place."""
        before = self.process(name)
        self.signal(name, signal.SIGKILL)
        until(lambda: (now := self.process(name)).restarts > before.restarts and now.state == "running")

    def sessions(self) -> dict[str, str]:
        """Return the identifiers of the open sessions."""
        return {
            each.sae: each.session.ksid
            for each in self.status().saes
            if each.session is not None and each.session.state == "open" and each.session.ksid is not None
        }


@dataclass
class Load:
    """Turns of all apps, each by a thread of its own."""

    up: Up
    turns: dict[str, list[Turn]] = field(default_factory=lambda: {app: [] for app in APPS})
    failures: list[BaseException] = field(default_factory=list)
    _is_over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        status = self.up.status()
        threads = [threading.Thread(target=self._ask, args=(app, status)) for app in APPS]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()

    def all_served_anew(self) -> None:
        """Wait until every app has a key that was asked for after now."""
        now = time.monotonic()
        until(lambda: all(any(t.started > now and is_whole(t) for t in list(each)) for each in self.turns.values()))

    def check(self) -> None:
        """Look for what may never be: K1, K2, K3, K6 as SAEs see them."""
        assert not self.failures
        turns = [each for app in self.turns.values() for each in app]
        whole = [each for each in turns if is_whole(each)]
        assert all(each.digests[0] == each.digests[1] for each in whole), "the two ends differ"
        assert not any(each.is_twice for each in turns), "a key was handed out again"
        for seen in (Counter(each.key_id for each in turns if each.key_id), Counter(each.digests[0] for each in whole)):
            assert max(seen.values()) == 1, "two keys are one"
        lost = [each for each in turns if each.key_id and not is_whole(each)]
        assert all(each.is_unfinished for each in lost), [each.refusal for each in lost]

    def _ask(self, app: str, status: NetworkStatus) -> None:
        first, second = [Client(each) for each in status.saes if each.app == app]
        try:
            while not self._is_over.is_set():
                self.turns[app].append(turn(first, second, again=len(self.turns[app]) % 5 == 4))
                self._is_over.wait(0.3 if app == "app45" else 0.02)  # app45 may have four keys a second
        except BaseException as error:  # noqa: BLE001  # a thread's failure is the test's
            self.failures.append(error)


def is_whole(each: Turn) -> bool:
    return len(each.digests) == 2


def until(is_so: Callable[[], bool]) -> None:
    """Look until it is so; what cannot be asked just now is asked again."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        with suppress(Refusal):
            if is_so():
                return
        time.sleep(0.05)
    raise AssertionError("it has not come to be")


def keytwin(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "keytwin", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )


def start(state: Path) -> Up:
    """Start star6 in processes, and wait until every session is open; skip where there is no bus."""
    try:
        library()
        program()
    except Refusal as missing:
        pytest.skip(str(missing))
    base = free_ports(2 * NODES + 2)
    words = ("--state", str(state), "--base-port", str(base), "--speed", "5")
    done = keytwin("up", "star6", "--processes", "-d", *words)
    assert done.returncode == 0, done.stderr
    up = Up(state, base)
    until(lambda: len(up.sessions()) == 2 * len(APPS))
    return up


@contextmanager
def running(state: Path) -> Iterator[Up]:
    up = start(state)
    try:
        yield up
    finally:
        if is_running(state):
            up.console.stop()
            assert wait_until_stopped(state, LONGEST)
