"""Whether this machine can run a live network: what `keytwin doctor` looks at, each with how to mend it."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import socket
import ssl
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from keytwin.operation.certification import OPERATOR
from keytwin.operation.settings import BroughtAuthority, UpSettings
from keytwin.operation.whereabouts import PKI, is_running
from keytwin.runtime.brought import read_signer
from keytwin.runtime.certificates import validity_of
from keytwin.runtime.leaves import LeafFiles, current_pair, leaf_in
from keytwin.vocabulary.errors import FileMistake

OLDEST_PYTHON: Final = (3, 11)
OLDEST_OPENSSL: Final = (3, 0)
LOOPBACK: Final = "127.0.0.1"  # where neighbours and the operator are heard, whatever the host
ANY_PORT: Final = 0
LIBRARIES: Final = ("cryptography", "httptools", "msgspec", "numpy")
SPACE_NEEDED: Final = 100 * 10**6  # octets: a store of six nodes and its write-ahead log after a day
SPACE_TO_BEGIN: Final = 10 * 10**6  # octets
FILES_NEEDED: Final = 1_200  # descriptors: a thousand idle connections beside those of a small network
FILES_TO_BEGIN: Final = 256
NO_EARLIER: Final = datetime(2025, 1, 1, tzinfo=UTC)  # a clock before it was never set
LARGEST_DRIFT: Final = 0.5  # seconds that the clocks may part while the examination lasts
PRIVATE: Final = 0o077  # permissions that others should not have


class Verdict(StrEnum):
    """What a look at one thing found."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `remedy` "" = nothing to mend."""

    verdict: Verdict
    about: str
    found: str
    remedy: str = ""


def examine(settings: UpSettings) -> Iterator[Check]:
    """Look at everything that a live network needs, for the network, ports and state of these settings."""
    clocks = _Clocks.now()
    yield _python()
    yield _openssl()
    yield from _libraries()
    yield _event_loop()
    yield from _ports(settings)
    yield _ipv6()
    yield from _state(settings.state)
    if settings.authority is not None:
        yield _brought(settings.authority)
    yield _space(settings.state)
    yield _open_files()
    yield clocks.compared(_Clocks.now())


# --- what is installed ------------------------------------------------------------------------------------------------


def _python() -> Check:
    found = f"{sys.version.split()[0]} ({sys.executable})"
    if sys.version_info >= OLDEST_PYTHON:
        return Check(Verdict.OK, "Python", found)
    return Check(Verdict.FAIL, "Python", found, "install Python 3.11 or newer")


def _openssl() -> Check:
    if ssl.OPENSSL_VERSION_INFO[:2] < OLDEST_OPENSSL or not ssl.HAS_TLSv1_3:
        return Check(Verdict.FAIL, "TLS", ssl.OPENSSL_VERSION, "use a Python that is built with OpenSSL 3")
    return Check(Verdict.OK, "TLS", f"{ssl.OPENSSL_VERSION}, TLS 1.2 and 1.3")


def _libraries() -> Iterator[Check]:
    for name in LIBRARIES:
        try:
            yield Check(Verdict.OK, name, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Check(Verdict.FAIL, name, "is not installed", f"install it: pip install {name}")


def _event_loop() -> Check:
    if find_spec("uvloop") is None:
        return Check(Verdict.WARN, "event loop", "asyncio's own, which is slower", "pip install uvloop")
    return Check(Verdict.OK, "event loop", f"uvloop {metadata.version('uvloop')}")


# --- where it listens -------------------------------------------------------------------------------------------------


def _ports(settings: UpSettings) -> Iterator[Check]:
    ports, hosts = settings.all_ports, dict.fromkeys((settings.host, LOOPBACK))
    if is_running(settings.state):
        yield Check(Verdict.OK, "ports", "not looked at: the network runs and has its own")
        return
    try:
        is_here = _is_free(settings.host, ANY_PORT)
    except socket.gaierror as error:
        yield Check(Verdict.FAIL, "host", f"{settings.host} is no host: {error.strerror}", "choose another --host")
        return
    if not is_here:
        told = f"{settings.host} is no address of this machine"
        yield Check(Verdict.FAIL, "host", told, "choose another --host")
        return
    taken = [port for port in ports if not all(_is_free(host, port) for host in hosts)]
    if taken:
        told = f"{', '.join(map(str, taken))} cannot be listened on"
        yield Check(Verdict.FAIL, "ports", told, "stop who does, or choose --base-port")
    else:
        yield Check(Verdict.OK, "ports", f"{ports[0]} to {ports[-1]} on {settings.host} are free")


def _is_free(host: str, port: int) -> bool:
    """Whether one could listen there; socket.gaierror when there is no such host."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        # As a listener does it: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen()
        except OSError:
            return False
    return True


def _ipv6() -> Check:
    with contextlib.suppress(OSError):
        if socket.has_ipv6 and _is_free("::1", ANY_PORT):
            return Check(Verdict.OK, "IPv6", "::1 answers")
    return Check(Verdict.WARN, "IPv6", "there is no ::1: clients reach the faces by IPv4 alone", "use 127.0.0.1")


# --- where its state is -----------------------------------------------------------------------------------------------


def _state(state: Path) -> Iterator[Check]:
    if not state.exists():
        yield _nearest(state)
        return
    mode = stat.S_IMODE(state.stat().st_mode)
    if not state.is_dir():
        yield Check(Verdict.FAIL, "state", f"{state} is no folder", "move it away, or choose another with --state")
    elif not os.access(state, os.R_OK | os.W_OK | os.X_OK):
        yield Check(Verdict.FAIL, "state", f"{state} cannot be written", f"run: sudo chown -R $USER {state}")
    elif mode & PRIVATE:
        told = f"{state} is open to others (mode {mode:04o})"
        yield Check(Verdict.WARN, "state", told, f"run: chmod 700 {state} (keytwin up does it too)")
    else:
        yield Check(Verdict.OK, "state", f"{state}, for its owner alone")
    if (state / PKI / "leaves").is_dir():
        yield _certificate(state)


def _nearest(state: Path) -> Check:
    """Look at the folder in which the state would be made."""
    above = _existing(state)
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
        return Check(Verdict.OK, "state", f"{state}, which keytwin up makes")
    return Check(Verdict.FAIL, "state", f"{state} cannot be made in {above}", "choose another with --state")


def _existing(path: Path) -> Path:
    """Return the path, or the nearest above it that is there."""
    return next(each for each in (path, *path.parents) if each.exists())


def _certificate(state: Path) -> Check:
    current = current_pair(state / PKI / "leaves", OPERATOR)
    remedy = "it is issued anew when the network starts: keytwin down, keytwin up"
    try:
        files = LeafFiles(
            OPERATOR, current / "certificate.pem", current / "key.pem", state / "ca.pem", state / "crl.pem"
        )
        validity = validity_of(leaf_in(files))
    except FileMistake:
        return Check(Verdict.WARN, "certificate", f"that of the operator cannot be read in {current}", remedy)
    now = datetime.now(UTC)
    told = f"the operator's is good from {validity.start:%Y-%m-%d %H:%M} to {validity.end:%Y-%m-%d %H:%M} UTC"
    if now < validity.start:
        return Check(Verdict.FAIL, "certificate", told, "the clock stands before its beginning: set the clock")
    if now >= validity.end:
        return Check(Verdict.WARN, "certificate", told, remedy)
    return Check(Verdict.OK, "certificate", told)


def _brought(authority: BroughtAuthority) -> Check:
    try:
        signer = read_signer(authority.certificate, authority.key, datetime.now(UTC))
    except FileMistake as wrong:
        return Check(Verdict.FAIL, "authority", str(wrong), "bring a certificate and key that may issue others")
    return Check(Verdict.OK, "authority", f"{authority.certificate}, good until {signer.validity.end:%Y-%m-%d} UTC")


def _space(state: Path) -> Check:
    free = shutil.disk_usage(_existing(state)).free
    found = f"{free / 10**6:,.0f} MB free"
    if free >= SPACE_NEEDED:
        return Check(Verdict.OK, "disk", found)
    verdict = Verdict.WARN if free >= SPACE_TO_BEGIN else Verdict.FAIL
    return Check(verdict, "disk", found, f"make room for {SPACE_NEEDED // 10**6} MB, or choose another --state")


def _open_files() -> Check:
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY or most >= FILES_NEEDED:
        return Check(Verdict.OK, "open files", "no limit" if most == resource.RLIM_INFINITY else f"at most {most}")
    verdict = Verdict.WARN if most >= FILES_TO_BEGIN else Verdict.FAIL
    return Check(verdict, "open files", f"at most {most}: few connections at once", f"run: ulimit -n {FILES_NEEDED}")


# --- what time it is --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Clocks:
    """Both clocks at one moment, in seconds: the wall's, by which certificates go, and the one that is never set."""

    wall: float
    monotonic: float

    @classmethod
    def now(cls) -> _Clocks:
        return cls(time.time(), time.monotonic())

    def compared(self, later: _Clocks) -> Check:
        wall = datetime.fromtimestamp(later.wall, UTC)
        found = f"{wall:%Y-%m-%d %H:%M:%S} UTC"
        drift = (later.wall - self.wall) - (later.monotonic - self.monotonic)
        if wall < NO_EARLIER:
            return Check(Verdict.FAIL, "clock", found, "set the clock: certificates go by it")
        if abs(drift) > LARGEST_DRIFT:
            return Check(Verdict.WARN, "clock", f"{found}, set by {drift:+.1f} s just now", "let it settle first")
        return Check(Verdict.OK, "clock", found)
