"""Where states lie, and which network runs on which."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from keytwin.operation.whereabouts import (
    LOCK,
    RUN,
    Claim,
    Run,
    default_root,
    find,
    is_running,
    open_log,
    running_below,
    state_of,
    wait_until_stopped,
)
from keytwin.service.operator_values import Credentials
from keytwin.vocabulary.errors import FileMistake, Mistake, Refusal
from tests.architecture.source import ROOT

HOLD = """
import sys
from pathlib import Path
from keytwin.operation.whereabouts import Claim
Claim(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def run_of(network: str = "star6") -> Run:
    files = Credentials("c", "k", "ca", "crl")
    return Run(network, "1", 4711, "2026-11-22T15:00:00Z", "https://127.0.0.1:10140", "127.0.0.1", 10140, 1.0, files)


@pytest.fixture
def claim(tmp_path: Path) -> Iterator[Claim]:
    with Claim(tmp_path / "star6") as held:
        yield held


# --- where ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "root"),
    [
        ("/var/x", "/var/x/keytwin"),
        (None, "/home/me/.local/state/keytwin"),
        ("", "/home/me/.local/state/keytwin"),
        ("x", "/home/me/.local/state/keytwin"),
    ],
)
def test_the_usual_root(variable: str | None, root: str) -> None:
    assert default_root(variable, Path("/home/me")) == Path(root)


def test_a_state_lies_below_the_root_or_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert state_of("star6", Path("/root"), None) == Path("/root/star6")
    assert state_of("star6", Path("/root"), Path("mine")) == tmp_path / "mine"


# --- which runs -------------------------------------------------------------------------------------------------------


def test_none_runs_and_how_to_start_one(tmp_path: Path) -> None:
    for given, root in ((None, tmp_path / "none"), (None, tmp_path), (tmp_path, tmp_path)):
        with pytest.raises(Refusal, match="keytwin up star6 -d"):
            find(given, root)


def test_the_only_one_is_found(claim: Claim, tmp_path: Path) -> None:
    claim.announce(run_of())
    for given in (None, claim.state):
        found = find(given, tmp_path)
        assert (found.state, found.run) == (claim.state, run_of())


def test_of_several_one_must_be_named(claim: Claim, tmp_path: Path) -> None:
    claim.announce(run_of())
    with Claim(tmp_path / "ring5") as other:
        other.announce(run_of("ring5"))
        with pytest.raises(Mistake, match=r"2 networks are running here(.|\n)*ring5(.|\n)*star6"):
            find(None, tmp_path)
        assert find(other.state, tmp_path).run.network == "ring5"
    assert find(None, tmp_path).run.network == "star6"


@pytest.mark.usefixtures("claim")
def test_one_that_starts_is_not_there_yet(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="is starting, or stopping"):
        find(None, tmp_path)


def test_a_run_file_alone_proves_nothing(tmp_path: Path) -> None:
    with Claim(tmp_path / "star6") as claim:
        claim.announce(run_of())
        left = (claim.state / RUN).read_bytes()
    (claim.state / RUN).write_bytes(left)  # as if the process had been killed
    assert not is_running(claim.state)
    with pytest.raises(Refusal, match="no network is running"):
        find(claim.state, tmp_path)
    with Claim(claim.state):
        assert not (claim.state / RUN).exists()


def test_a_damaged_run_file_is_named(claim: Claim, tmp_path: Path) -> None:
    (claim.state / RUN).write_bytes(b"{")
    with pytest.raises(FileMistake, match=r"run\.json"):
        find(None, tmp_path)


def test_other_files_below_the_root_are_no_networks(claim: Claim, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "stopped").mkdir()
    (tmp_path / "stopped" / LOCK).touch()
    assert list(running_below(tmp_path)) == [claim.state]


# --- the lock ---------------------------------------------------------------------------------------------------------


def test_a_state_belongs_to_one_network_at_a_time(claim: Claim) -> None:
    with pytest.raises(Refusal, match="a network is running on the state"):
        Claim(claim.state)
    claim.announce(run_of())
    with pytest.raises(Refusal, match=r"network star6 \(process 4711\) is running.*keytwin down"):
        Claim(claim.state)
    assert (claim.state / RUN).exists()


def test_looking_does_not_take_it(claim: Claim) -> None:
    assert is_running(claim.state)
    assert is_running(claim.state)
    claim.release()
    assert not is_running(claim.state)
    with Claim(claim.state) as again:
        claim.release()  # is not the one that holds it any more
        assert is_running(again.state)


def test_the_system_lets_go_of_it_when_the_process_dies(tmp_path: Path) -> None:
    state = tmp_path / "star6"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert is_running(state)
        assert not wait_until_stopped(state, 0)
        other.kill()
    assert wait_until_stopped(state, 10)


# --- permissions ------------------------------------------------------------------------------------------------------


def test_all_of_it_is_for_its_owner_alone(claim: Claim) -> None:
    claim.announce(run_of())
    for said in (b"one\n", b"two\n"):
        log = open_log(claim.state)
        os.write(log, said)
        os.close(log)
    assert (claim.state / "log").read_bytes() == b"one\ntwo\n"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (claim.state, *claim.state.iterdir())}
    assert modes == {"star6": 0o700, "lock": 0o600, "run.json": 0o600, "log": 0o600}
