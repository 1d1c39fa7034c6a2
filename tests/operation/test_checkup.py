"""What `keytwin doctor` looks at, and what it says to each thing that may be wrong."""

from __future__ import annotations

import resource
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from keytwin.files.network import read_network
from keytwin.operation import checkup
from keytwin.operation.checkup import (
    FILES_NEEDED,
    FILES_TO_BEGIN,
    SPACE_NEEDED,
    SPACE_TO_BEGIN,
    Check,
    Verdict,
    examine,
)
from keytwin.operation.settings import BroughtAuthority, UpSettings
from keytwin.operation.whereabouts import PKI, Claim
from keytwin.runtime.identities import Identity, Role
from keytwin.runtime.pki import Authority
from tests.fakes.ports import free_ports

OPERATOR = Identity(Role.OPERATOR, "operator")
OK, WARN, FAIL = Verdict.OK, Verdict.WARN, Verdict.FAIL


@pytest.fixture
def settings(tmp_path: Path) -> UpSettings:
    star6 = read_network("star6")
    return UpSettings(star6, tmp_path / "state", base_port=free_ports(2 * len(star6.topology.nodes) + 1))


def look(settings: UpSettings, about: str) -> Check:
    (found,) = [check for check in examine(settings) if check.about == about]
    return found


def test_a_good_machine_lacks_nothing(settings: UpSettings) -> None:
    checks = list(examine(settings))
    assert [check for check in checks if check.verdict is FAIL] == []
    assert {"Python", "TLS", "event loop", "ports", "IPv6", "state", "disk", "open files", "clock"} <= {
        check.about for check in checks
    }


def test_whatever_is_wrong_has_a_remedy(settings: UpSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (10, 10))
    settings.state.mkdir(mode=0o755)
    wrong = [check for check in examine(settings) if check.verdict is not OK]
    assert len(wrong) >= 2
    assert all(check.remedy for check in wrong)


# --- ports ------------------------------------------------------------------------------------------------------------


@contextmanager
def listening(port: int) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", port)):
        yield


def test_a_port_that_is_taken_is_named(settings: UpSettings) -> None:
    taken = settings.ports.face(3)
    assert look(settings, "ports").verdict is OK
    with listening(taken):
        found = look(settings, "ports")
    assert (found.verdict, str(taken) in found.found, "--base-port" in found.remedy) == (FAIL, True, True)


def test_the_ports_of_the_network_itself_are_its_own(settings: UpSettings) -> None:
    with Claim(settings.state), listening(settings.ports.operator):
        assert look(settings, "ports").verdict is OK


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])  # RFC 6761; RFC 5737
def test_a_host_that_is_not_here(settings: UpSettings, host: str) -> None:
    elsewhere = UpSettings(settings.blueprint, settings.state, base_port=settings.base_port, host=host)
    found = look(elsewhere, "host")
    assert (found.verdict, host in found.found, "--host" in found.remedy) == (FAIL, True, True)


@pytest.mark.skipif(not checkup._is_free("::1", 0), reason="there is no IPv6")
def test_neighbours_are_heard_at_the_loopback_whatever_the_host(settings: UpSettings) -> None:
    by_ipv6 = UpSettings(settings.blueprint, settings.state, base_port=settings.base_port, host="::1")
    with listening(settings.ports.link(0)):
        assert str(settings.ports.link(0)) in look(by_ipv6, "ports").found


# --- state ------------------------------------------------------------------------------------------------------------


def test_a_state_that_is_not_there_is_made(settings: UpSettings) -> None:
    assert look(settings, "state").verdict is OK
    assert not settings.state.exists()


def test_a_state_that_stands_open(settings: UpSettings) -> None:
    settings.state.mkdir(mode=0o700)
    assert look(settings, "state").verdict is OK
    settings.state.chmod(0o750)
    found = look(settings, "state")
    assert (found.verdict, "mode 0750" in found.found, "chmod 700" in found.remedy) == (WARN, True, True)


def test_a_state_that_is_a_file(settings: UpSettings) -> None:
    settings.state.write_text("x")
    assert look(settings, "state").verdict is FAIL


def test_a_state_below_a_file(settings: UpSettings) -> None:
    settings.state.write_text("x")
    below = UpSettings(settings.blueprint, settings.state / "star6", base_port=settings.base_port)
    assert look(below, "state").verdict is FAIL


@pytest.mark.parametrize(
    ("age", "verdict"),
    [(timedelta(0), OK), (timedelta(days=2), WARN), (timedelta(days=-1), FAIL)],
    ids=["good", "ended", "not yet"],
)
def test_the_certificate_of_the_operator(settings: UpSettings, age: timedelta, verdict: Verdict) -> None:
    issued_at = datetime.now(UTC) - age
    Authority.create(settings.state / PKI, "star6", issued_at).issue(OPERATOR, issued_at)
    found = look(settings, "certificate")
    assert (found.verdict, bool(found.remedy)) == (verdict, verdict is not OK)


def test_a_certificate_that_cannot_be_read(settings: UpSettings) -> None:
    now = datetime.now(UTC)
    files = Authority.create(settings.state / PKI, "star6", now).issue(OPERATOR, now)
    files.certificate.write_text("x")
    assert look(settings, "certificate").verdict is WARN


def test_an_authority_that_is_brought(settings: UpSettings, tmp_path: Path) -> None:
    Authority.create(tmp_path / "own", "star6", datetime.now(UTC))
    home = tmp_path / "own" / "authority"
    good = BroughtAuthority(home / "issuing.pem", home / "issuing-key.pem")
    mixed = BroughtAuthority(home / "issuing.pem", home / "root-key.pem")
    found = look(replace(settings, authority=good), "authority")
    assert (found.verdict, str(good.certificate) in found.found) == (OK, True)
    found = look(replace(settings, authority=mixed), "authority")
    assert (found.verdict, "does not belong" in found.found) == (FAIL, True)


# --- the machine ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("free", "verdict"), [(SPACE_NEEDED, OK), (SPACE_NEEDED - 1, WARN), (SPACE_TO_BEGIN - 1, FAIL)]
)
def test_room_on_the_disk(settings: UpSettings, monkeypatch: pytest.MonkeyPatch, free: int, verdict: Verdict) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert look(settings, "disk").verdict is verdict


@pytest.mark.parametrize(
    ("most", "verdict"),
    [
        (FILES_NEEDED, OK),
        (resource.RLIM_INFINITY, OK),
        (FILES_NEEDED - 1, WARN),
        (FILES_TO_BEGIN, WARN),
        (FILES_TO_BEGIN - 1, FAIL),
    ],
)
def test_open_files(settings: UpSettings, monkeypatch: pytest.MonkeyPatch, most: int, verdict: Verdict) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (most, most))
    assert look(settings, "open files").verdict is verdict


def test_a_library_that_is_missing(settings: UpSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "LIBRARIES", ("no-such-library",))
    found = look(settings, "no-such-library")
    assert (found.verdict, found.remedy) == (FAIL, "install it: pip install no-such-library")


@pytest.mark.parametrize(
    ("wall", "verdict"),
    [([1.8e9, 1.8e9], OK), ([1.8e9, 1.8e9 + 60], WARN), ([1e9, 1e9], FAIL)],
    ids=["good", "set meanwhile", "never set"],
)
def test_the_clock(settings: UpSettings, monkeypatch: pytest.MonkeyPatch, wall: list[float], verdict: Verdict) -> None:
    monkeypatch.setattr(checkup, "time", SimpleNamespace(time=iter(wall).__next__, monotonic=time.monotonic))
    assert look(settings, "clock").verdict is verdict
