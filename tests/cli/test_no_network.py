"""The commands for a live network where none runs, and what they print of one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from keytwin.cli import main
from keytwin.cli.events import line_of
from keytwin.cli.exits import Exit
from keytwin.cli.status import show_start, show_status
from keytwin.operation.whereabouts import Claim
from keytwin.runtime.trace import line
from keytwin.service.operator_values import ElementStatus
from keytwin.vocabulary.events import KeysAnswered, LinkProbed, SessionAdmitted, SessionConfigured
from keytwin.vocabulary.identity import AppId, ElementName, KeyId, Ksid, LinkId, NodeId, SaeId, km_of
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.units import BitsPerSecond, Duration, Instant
from tests.fakes.operations import STATUS
from tests.fakes.ports import free_ports

Shell = Callable[..., tuple[int, str, str]]
A, K, LINK = NodeId("a"), Ksid("k"), LinkId("a--b")

FOR_A_NETWORK = [
    ("status",),
    ("key", "get", "app23"),
    ("key", "status", "app23"),
    ("events",),
    ("fail", "link", "km0--km1"),
    ("heal", "link", "km0--km1"),
    ("distrust", "km0"),
    ("trust", "km0"),
    ("sae", "add", "app23-a"),
    ("sae", "revoke", "app23-a"),
    ("metrics",),
    ("down",),
]


@pytest.fixture
def shell(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """Run a command in an empty folder, with an empty folder of states; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "states"))

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(words)
        printed = capfd.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, printed.out, printed.err

    return run


# --- none runs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", FOR_A_NETWORK, ids=" ".join)
def test_without_a_network_a_command_says_how_to_start_one(shell: Shell, words: tuple[str, ...]) -> None:
    code, out, err = shell(*words)
    assert (code, out) == (Exit.REFUSED, "")
    assert err.startswith("keytwin: no network is running here: start one with: keytwin up star6 -d (")


@pytest.mark.parametrize("words", FOR_A_NETWORK, ids=" ".join)
def test_a_state_on_which_none_runs_is_named(shell: Shell, words: tuple[str, ...], tmp_path: Path) -> None:
    code, out, err = shell(*words, "--state", "mine")
    assert (code, out) == (Exit.REFUSED, "")
    assert f"no network is running on the state in {tmp_path / 'mine'}" in err


def test_looking_for_a_network_makes_no_folder(shell: Shell, tmp_path: Path) -> None:
    shell("status")
    assert list(tmp_path.iterdir()) == []


# --- up ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("star7",), "did you mean 'star6'"),
        (("star6/fig4",), "star6/fig4 is a scenario"),
        (("generic-decoy-bb84",), "describes a device"),
        (("star6", "--base-port", "80"), "6 nodes take 13 ports"),
        (("star6", "--base-port", "1.5"), "whole number"),
        (("star6", "--speed", "0"), "twins run from"),
        (("star6", "--host", "https://here"), "give a name or an address"),
        (("star6", "--misbehave", "badly"), "wrong-id"),
        (("star6", "--authority", "own.pem"), "give both --authority and --authority-key"),
    ],
)
def test_what_cannot_be_brought_up_is_a_mistake_at_once(
    shell: Shell, tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    code, out, err = shell("up", *words)
    assert (code, out) == (Exit.MISTAKE, "")
    assert why in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_detached_network_says_its_mistakes_here_too(shell: Shell, tmp_path: Path) -> None:
    code, out, err = shell("up", "star7", "-d", "--state", "mine")
    assert (code, out) == (Exit.MISTAKE, "")
    assert "did you mean 'star6'" in err
    assert list(tmp_path.iterdir()) == []


def test_a_state_that_is_taken_is_refused(shell: Shell, tmp_path: Path) -> None:
    with Claim(tmp_path / "states" / "keytwin" / "star6"):
        code, _, err = shell("up", "star6")
    assert code == Exit.REFUSED
    assert "is running on the state" in err


def test_the_option_between_the_two_processes_is_not_shown(shell: Shell) -> None:
    assert "ready" not in shell("up", "--help")[1].replace("already", "")


# --- doctor -----------------------------------------------------------------------------------------------------------


def test_the_doctor_looks_at_the_network_that_is_named(shell: Shell, tmp_path: Path) -> None:
    base = free_ports(29)
    code, out, err = shell("doctor", "nsf14", "--base-port", str(base))
    assert (code, err) == (Exit.OK, "")
    assert f"{base} to {base + 28} on 127.0.0.1 are free" in out
    assert str(tmp_path / "states" / "keytwin" / "nsf14") in out
    assert all(line.startswith(("ok ", "warn ", "    ")) for line in out.splitlines())


def test_the_doctor_fails_where_something_is_missing(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    code, out, _ = shell("doctor", "--state", "file", "--base-port", str(free_ports(13)))
    assert code == Exit.FAILED
    assert "fail state" in out
    assert "-> move it away, or choose another with --state" in out


# --- what is printed --------------------------------------------------------------------------------------------------


def written(at: int, event: Event) -> str:
    return line_of(msgspec.Raw(line(Instant(at), km_of(A), event)))


def test_an_event_is_a_line() -> None:
    delay = Duration(1_500_000)
    assert written(1_500_000_000, LinkProbed(A, LINK, delay)) == (
        "00:00:01.500000 km/a             LinkProbed         node=a link=a--b delay=1500000"
    )
    assert written(0, LinkProbed(A, LINK, None)).endswith("node=a link=a--b")


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (
            KeysAnswered(A, K, SaeId("s"), tuple(map(KeyId, "12345")), is_master=False, waited=Duration(0)),
            "key_ids=1,2,3+2 is_master=no waited=0",
        ),
        (
            SessionAdmitted(K, AppId("talk"), 1, Route((A, NodeId("b")), (LINK,)), BitsPerSecond(9)),
            "route=nodes:a,b;links:a--b rate=9",
        ),
        (SessionConfigured(A, K, 1, AppId("a b")), 'app="a b"'),
    ],
)
def test_fields_are_short(event: Event, told: str) -> None:
    assert told in written(0, event)


def test_a_network_is_shown_with_what_a_client_needs(capsys: pytest.CaptureFixture[str]) -> None:
    show_status(STATUS)
    shown = capsys.readouterr().out
    assert shown.startswith("pair is up, healthy: process 7 since 2026-11-22T15:00:00Z\n")
    for part in ("https://127.0.0.1:10141", "alice", "operative", "256 bit", "1 kbit/s", "ACTIVE", "2.00%"):
        assert part in shown
    assert "\nauthority      /state/ca.pem\n" in shown
    assert "  alice  /state/leaves/alice\n" in shown
    assert "km/a was started again 1 x\n" in shown


def test_paths_are_never_broken(capsys: pytest.CaptureFixture[str]) -> None:
    (end,) = STATUS.saes
    folder = "/long" * 60
    files = msgspec.structs.replace(end.files, certificate=f"{folder}/certificate.pem", trusted=f"{folder}/ca.pem")
    show_status(msgspec.structs.replace(STATUS, saes=(msgspec.structs.replace(end, files=files),)))
    lines = capsys.readouterr().out.splitlines()
    assert f"  alice  {folder}" in lines
    assert f"authority      {folder}/ca.pem" in lines


def test_what_is_wrong_is_shown_first(capsys: pytest.CaptureFixture[str]) -> None:
    stopped = ElementStatus(ElementName("km/b"), "stopped")
    show_status(msgspec.structs.replace(STATUS, is_healthy=False, speed=10.0, elements=(stopped,)))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("pair is up, not healthy: ")
    assert lines[0].endswith(", twins at 10 x")
    assert "km/b is stopped" in lines


def test_at_the_start_only_what_is_sure_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    show_start(msgspec.structs.replace(STATUS, is_healthy=False))
    shown = capsys.readouterr().out
    assert shown.startswith("pair is up: process 7 since 2026-11-22T15:00:00Z\n")
    assert re.search(r"^ a +https://127\.0\.0\.1:10141 +alice", shown, re.MULTILINE)
    assert "  alice  /state/leaves/alice\n" in shown
    assert "healthy" not in shown
    assert "a--b" not in shown


def test_a_network_without_apps_is_shown_too(capsys: pytest.CaptureFixture[str]) -> None:
    show_status(msgspec.structs.replace(STATUS, saes=(), links=()))
    assert "certificate.pem" not in capsys.readouterr().out
