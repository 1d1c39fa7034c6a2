"""Live networks in processes of their own, as `keytwin up` starts them, for tests that know them from outside only."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from keytwin.service.operator_values import NetworkStatus
from tests.conformance.speaking import Sae
from tests.fakes.ports import free_ports

NODES: Final = 4  # of the largest network here
BINARY: Final = 2 * NODES + 1  # ports between the first of all and the first of the binary faces
SPEED: Final = 20.0  # pools fill within a second
START: Final = 60.0  # seconds until a network that has not come up never will
DELIVERED: Final = re.compile(r"^keytwin_keys_delivered_total\{[^}]*\} (\S+)$", flags=re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Network:
    """A network that runs: what it says of itself, and where its state and its log are."""

    told: NetworkStatus
    state: Path
    log: Path

    def sae(self, name: str) -> Sae:
        """Return an SAE by its name."""
        return next(Sae.of(end) for end in self.told.saes if end.sae == name)

    def binary(self, sae: Sae) -> tuple[str, int]:
        """Return where an SAE's key manager speaks the binary ETSI GS QKD 004."""
        base = urlsplit(msgspec.json.decode((self.state / "run.json").read_bytes())["operator_url"]).port
        assert base is not None
        host, port = sae.address
        return host, base + BINARY + (port - base - 1) // 2

    def delivered(self) -> float:
        """Return how many keys all SAEs were handed so far, as masters and as slaves."""
        return sum(float(each) for each in DELIVERED.findall(self.operator("GET", "/metrics").decode()))

    def operator(self, verb: str, target: str, body: bytes | None = None) -> bytes:
        """Ask the operator face and return the body of a good answer."""
        run = msgspec.json.decode((self.state / "run.json").read_bytes())
        files = run["operator"]
        client = Sae("operator", "", run["operator_url"], msgspec.convert(files, type=type(self.told.saes[0].files)))
        connection = client.connection()
        try:
            connection.request(verb, target, body, {"Content-Type": "application/json"} if body else {})
            response = connection.getresponse()
            octets = response.read()
        finally:
            connection.close()
        assert response.status == 200, octets
        return octets


@contextmanager
def started(network: str, folder: Path) -> Iterator[Network]:
    """Have a network run, its pools full; it has to end well, too."""
    state, log = folder / "state", folder / "log"
    child, said = _up(network, state, log)
    try:
        assert said, log.read_text()
        running = Network(msgspec.json.decode(said, type=NetworkStatus), state, log)
        for end in running.told.saes:
            _await_keys(Sae.of(end))
        yield running
    finally:
        child.send_signal(signal.SIGTERM)
        code = child.wait(START)
    assert code == 0, log.read_text()
    assert "Traceback" not in log.read_text(), log.read_text()


def _up(network: str, state: Path, log: Path) -> tuple[subprocess.Popen[bytes], bytes]:
    """Start the process and wait for what it says once every face accepts; nothing when it has ended."""
    reading, writing = os.pipe()
    base = free_ports(3 * NODES + 1)
    options = ["--state", str(state), "--speed", str(SPEED), "--base-port", str(base)]
    options += ["--port-004", str(base + BINARY)]
    command = [sys.executable, "-m", "keytwin", "up", network, *options, "--ready-fd", str(writing)]
    with log.open("wb") as written:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=written, stderr=written, pass_fds=(writing,))
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        is_heard, _, _ = select.select([pipe], [], [], START)
        return child, pipe.read() if is_heard else b""


def _await_keys(sae: Sae) -> None:
    """Wait until an SAE's session is open and its pool full: nobody is told when from outside."""
    end = time.monotonic() + START
    while time.monotonic() < end:
        answer = sae.ask("GET", sae.path("status"))
        if answer.status == 200 and answer.json["stored_key_count"] == answer.json["max_key_count"]:
            return
        assert answer.status in {200, 503}, answer
    raise AssertionError(f"{sae.name} has no full pool after {START} s")


@contextmanager
def nothing_consumed(network: Network, sae: Sae) -> Iterator[None]:
    """Let happen what must cost nobody a key: none is handed to anyone, and this master has as many as before."""
    before, stored = network.delivered(), sae.status()["stored_key_count"]
    yield
    assert network.delivered() == before
    assert sae.status()["stored_key_count"] >= stored  # a pool that others drew from may be filling up again
