"""Each command on a network that is up: star6, started once as a user would, in a state of its own."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from keytwin.cli import main
from keytwin.cli.exits import Exit
from keytwin.operation.whereabouts import find, is_running
from tests.architecture.source import ROOT
from tests.fakes.ports import free_ports

pytestmark = pytest.mark.slow

Shell = Callable[..., tuple[int, str, str]]
NODES = 6
WAIT = ("--wait", "30 s")  # more than a loaded machine takes to fill a pool; a good one takes none of it


@dataclass(frozen=True)
class Up:
    """A network that was started, and what the command said."""

    home: Path
    state: Path
    base: int
    said: str


def keytwin(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "keytwin", *words],
        cwd=home,
        env={**os.environ, "XDG_STATE_HOME": str(home), "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    home = tmp_path_factory.mktemp("home")
    base = free_ports(2 * NODES + 1)
    done = keytwin("up", "star6", "-d", "--base-port", str(base), home=home)
    assert done.returncode == 0, done.stderr
    state = home / "keytwin" / "star6"
    try:
        yield Up(home, state, base, done.stdout)
    finally:
        for each in (state, home / "other"):
            if is_running(each):
                stopped = keytwin("down", "--state", str(each), home=home)
                assert stopped.returncode == 0, stopped.stderr


@pytest.fixture
def shell(up: Up, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """Run a command beside the network; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(up.home))

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(words)
        printed = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, printed.out, printed.err

    return run


# --- up and status ----------------------------------------------------------------------------------------------------


def test_up_says_what_there_is_and_what_comes_next(up: Up) -> None:
    assert up.said.startswith("star6 is up: process ")
    assert f"operator face  https://127.0.0.1:{up.base}\n" in up.said
    for command in ("key get app01", "status", "events -f", "down"):
        assert re.search(rf"keytwin {command} +# ", up.said)


def test_a_second_up_on_the_same_state_is_refused(up: Up) -> None:
    done = keytwin("up", "star6", "-d", "--base-port", str(free_ports(2 * NODES + 1)), home=up.home)
    assert done.returncode == Exit.REFUSED
    assert "network star6 (process " in done.stderr
    assert is_running(up.state)


def test_ports_that_are_taken_are_told_by_the_detached_process_too(up: Up) -> None:
    done = keytwin("up", "star6", "-d", "--state", "other", "--base-port", str(up.base), home=up.home)
    assert (done.returncode, done.stdout) == (Exit.REFUSED, "")
    assert "cannot listen" in done.stderr
    assert not is_running(up.home / "other")


def test_what_is_kept_is_for_its_owner_alone(up: Up) -> None:
    secret = [up.state, up.state / "run.json", up.state / "lock", up.state / "log"]
    assert [path.name for path in secret if path.stat().st_mode & 0o077] == []


def test_status_tells_all_that_a_client_needs(up: Up, shell: Shell) -> None:
    _, out, _ = shell("status", "--json")
    told: dict[str, Any] = json.loads(out)
    assert (told["network"], told["state_directory"], told["pid"]) == (
        "star6",
        str(up.state),
        find(up.state, up.home).run.pid,
    )
    assert [each["face_url"] for each in told["key_managers"]] == [
        f"https://127.0.0.1:{up.base + 1 + 2 * index}" for index in range(NODES)
    ]
    ends = {each["sae"]: each for each in told["saes"]}
    assert len(ends) == 6
    assert (ends["app23-a"]["peer"], ends["app23-a"]["url"]) == ("app23-b", told["key_managers"][2]["face_url"])
    assert all(Path(path).is_file() for end in ends.values() for path in end["files"].values())
    assert {each["link"] for each in told["links"]} == {f"km0--km{i}" for i in range(1, 6)} | {"km4--km5"}


def test_status_for_people(up: Up, shell: Shell) -> None:
    _, out, _ = shell("status", "--state", str(up.state))
    assert all(f"km{index}" in out for index in range(NODES))
    assert f"  app23-a  {up.state}" in out


# --- keys -------------------------------------------------------------------------------------------------------------


def test_a_key_is_the_same_at_both_ends(shell: Shell) -> None:
    code, out, err = shell("key", "get", "app23", *WAIT)
    assert (code, err) == (Exit.OK, "")
    assert "1 of 1 key equal at both ends\n" in out
    assert re.search(r"[0-9a-f]{8}-[0-9a-f-]{27} +[0-9a-f]{16} +256 +relayed +2 +yes", out)


def test_both_hand_outs_stand_in_the_audit(shell: Shell) -> None:
    _, out, _ = shell("key", "get", "app01", *WAIT)
    key_id = re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", out)[0]
    # Of keys that were leased ahead it is told within a moment, and of several at once.
    to_master = rf"km/km0 handed out to the master app01-a 256 bit: .*{key_id}"
    assert any(re.search(to_master, shell("audit", "show", "--key-id", key_id)[1]) for _ in range(1_000))
    code, told, err = shell("audit", "show", "--key-id", key_id)
    assert (code, err) == (Exit.OK, "")
    assert re.search(rf"km/km1 handed out to the slave app01-b 256 bit: {key_id}\n", told)
    code, told, _ = shell("audit", "show", "--sae", "app01-b", "--json")
    assert {json.loads(line)["sae"] for line in told.splitlines()} == {"app01-b"}
    code, told, err = shell("audit", "verify")
    assert (code, err) == (Exit.OK, "")
    assert re.fullmatch(r"\d+ rows, \d+ entries: whole\n", told)


def test_a_spoilt_audit_is_told_row_by_row(up: Up, shell: Shell, tmp_path: Path) -> None:
    shell("key", "get", "app01", *WAIT)
    shutil.copytree(up.state / "journal", tmp_path / "copy" / "journal")
    with closing(sqlite3.connect(tmp_path / "copy" / "journal" / "journal.db")) as connection, connection:
        # Whoever came before in the same network has left rows of other apps in front of it.
        [(row,)] = connection.execute("SELECT min(id) FROM audit WHERE entries LIKE '%app01-a%'").fetchall()
        connection.execute("UPDATE audit SET entries = replace(entries, 'app01-a', 'app01-x') WHERE id = ?", (row,))
        connection.execute("DELETE FROM audit WHERE id = ?", (row + 1,))
    code, told, err = shell("audit", "verify", "--state", "copy")
    assert code == Exit.FAILED
    assert f"row {row} is not what was written" in err
    assert f"row {row + 1} is missing" in err
    assert "faults" in told
    code, told, _ = shell("audit", "verify", "--state", "copy", "--json")
    assert {fault["row"] for fault in json.loads(told)["faults"]} >= {row, row + 1}
    code, _, err = shell("audit", "show", "--state", "nowhere")
    assert (code, "journal.db" in err and "is not there" in err) == (Exit.MISTAKE, True)


def test_many_keys_of_another_size(shell: Shell) -> None:
    code, out, err = shell("key", "get", "app23", "--number", "5", "--size", "128", *WAIT)
    assert (code, err) == (Exit.OK, "")
    assert "5 of 5 keys equal at both ends\n" in out


def test_keys_are_shown_only_when_asked(shell: Shell) -> None:
    key = re.compile(r"^([0-9a-f-]{36}) ([0-9a-f]{64})$", re.MULTILINE)
    assert not key.search(shell("key", "get", "app01", *WAIT)[1])
    _, out, _ = shell("key", "get", "app01", "--show", *WAIT)
    ((key_id, octets),) = key.findall(out)
    assert re.search(rf"{key_id} +{hashlib.sha256(bytes.fromhex(octets)).hexdigest()[:16]} ", out)


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_the_printed_lines_work_in_a_shell(shell: Shell, tmp_path: Path) -> None:
    _, out, _ = shell("key", "get", "app23", *WAIT)
    enc, dec = [line for line in out.splitlines() if line.startswith("curl ")]
    got = _curl(enc, tmp_path)
    assert _curl(f"{dec[:-1]}{got['key_ID']}'", tmp_path) == got


def _curl(line: str, folder: Path) -> dict[str, Any]:
    assert len(shlex.split(line)) == 8
    done = subprocess.run(["/bin/sh", "-c", f"{line} --silent --fail"], cwd=folder, capture_output=True, check=True)
    (entry,) = json.loads(done.stdout)["keys"]
    return {name: entry[name] for name in ("key_ID", "key")}


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("app24",), Exit.MISTAKE, "its apps: app01, app23, app45"),
        (("app23", "--number", "0"), Exit.MISTAKE, "--number is at least 1"),
        (("app23", "--number", "100000"), Exit.MISTAKE, "number is above"),
        (("app23", "--size", "257"), Exit.MISTAKE, "multiple of 8"),
        (("app23", "--wait", "30"), Exit.MISTAKE, "has no unit"),
    ],
)
def test_what_cannot_be_had_is_told(shell: Shell, words: tuple[str, ...], code: Exit, why: str) -> None:
    got, out, err = shell("key", "get", *words)
    assert (got, out) == (code, "")
    assert why in err


def test_status_of_both_ends(shell: Shell) -> None:
    code, out, _ = shell("key", "status", "app23", "--json")
    first, second = json.loads(out)
    assert code == Exit.OK
    assert (first["source_KME_ID"], first["master_SAE_ID"], first["slave_SAE_ID"]) == ("km2", "app23-a", "app23-b")
    assert (second["source_KME_ID"], second["master_SAE_ID"], second["key_size"]) == ("km3", "app23-b", 256)
    assert "app23-a to app23-b" in shell("key", "status", "app23")[1]


# --- events and metrics -----------------------------------------------------------------------------------------------


def test_events_are_those_of_a_trace(shell: Shell) -> None:
    shell("key", "get", "app23", *WAIT)
    code, out, _ = shell("events", "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert code == Exit.OK
    assert {"SessionAdmitted", "BlockPlaced", "KeysReady", "KeysRelayed", "KeysAnswered"} <= {e["type"] for e in events}
    assert any(each["type"] == "KeysAnswered" and each["sae"] == "app23-b" for each in events)
    assert " KeysAnswered " in shell("events")[1]


def test_metrics_are_those_of_the_events(shell: Shell) -> None:
    shell("key", "get", "app23", *WAIT)
    code, out, _ = shell("metrics")
    delivered = re.search(r'^keytwin_keys_delivered_total\{end="slave",node="km3"\} ([0-9.]+)$', out, re.MULTILINE)
    assert code == Exit.OK
    assert delivered is not None
    assert float(delivered[1]) >= 1


# --- what an operator does --------------------------------------------------------------------------------------------


def test_a_link_is_cut_and_healed(shell: Shell) -> None:
    assert shell("fail", "link", "km4 -- km5")[:2] == (Exit.OK, "the quantum channel of km4--km5 is cut\n")
    assert shell("heal", "link", "km4--km5")[:2] == (Exit.OK, "the quantum channel of km4--km5 is whole\n")
    code, _, err = shell("fail", "link", "km4--km6")
    assert (code, "km4--km5" in err) == (Exit.MISTAKE, True)


def test_a_node_is_distrusted_and_trusted_again(shell: Shell) -> None:
    assert shell("distrust", "km5")[:2] == (Exit.OK, "km5 is trusted no longer\n")
    assert shell("trust", "km5")[:2] == (Exit.OK, "km5 is trusted\n")
    assert shell("distrust", "km9")[0] == Exit.MISTAKE


def test_a_revoked_sae_gets_no_key_until_it_has_a_new_certificate(shell: Shell) -> None:
    assert shell("key", "get", "app01", *WAIT)[0] == Exit.OK
    code, out, _ = shell("sae", "revoke", "app01-a")
    assert (code, out) == (Exit.OK, "1 certificate of app01-a revoked\n")
    code, _, err = shell("key", "get", "app01")
    assert code == Exit.REFUSED
    assert "keytwin sae add" in err
    code, out, _ = shell("sae", "add", "app01-a")
    assert (code, "certificate.pem" in out) == (Exit.OK, True)
    assert shell("key", "get", "app01", *WAIT)[0] == Exit.OK


def test_an_sae_may_bring_its_own_key(up: Up, shell: Shell, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    (tmp_path / "own.csr").write_bytes(request.public_bytes(Encoding.PEM))
    code, out, err = shell("sae", "add", "app45-b", "--request", "own.csr")
    assert code == Exit.OK
    assert str(up.state) in err
    leaf, *_ = x509.load_pem_x509_certificates(out.encode())
    assert leaf.public_key() == key.public_key()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert not any(secret in path.read_text(errors="replace") for path in up.state.rglob("*.pem"))


def test_a_request_that_is_none(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "own.csr").write_text("nothing")
    assert shell("sae", "add", "app45-b", "--request", "own.csr")[0] == Exit.MISTAKE
    assert shell("sae", "add", "app45-b", "--request", "none.csr")[0] == Exit.REFUSED
    assert shell("sae", "add", "nobody")[0] == Exit.MISTAKE


def test_the_doctor_knows_that_it_runs(up: Up, shell: Shell) -> None:
    code, out, _ = shell("doctor", "--base-port", str(up.base))
    assert code == Exit.OK
    assert "the network runs and has its own" in out
    assert "the operator's is good from" in out


# --- down -------------------------------------------------------------------------------------------------------------


def test_down_ends_it_and_up_goes_on(tmp_path: Path) -> None:
    start = ("up", "star6", "-d", "--base-port", str(free_ports(2 * NODES + 1)))
    state = tmp_path / "keytwin" / "star6"
    assert keytwin(*start, home=tmp_path).returncode == Exit.OK
    watched = _watching(tmp_path)
    done = keytwin("down", home=tmp_path)
    assert (done.returncode, done.stdout) == (Exit.OK, f"star6 has stopped; its state stays in {state}\n")
    _, told = watched.communicate(timeout=60)
    assert (watched.returncode, told) == (Exit.OK, "the network has stopped\n")
    assert not is_running(state)
    assert not (state / "run.json").exists()
    assert keytwin("down", home=tmp_path).returncode == Exit.REFUSED
    # On the same state, and once more at the same ports.
    assert keytwin(*start, home=tmp_path).returncode == Exit.OK
    assert keytwin("key", "get", "app23", *WAIT, home=tmp_path).returncode == Exit.OK
    assert keytwin("down", home=tmp_path).returncode == Exit.OK


def test_ctrl_c_ends_it_and_what_was_killed_leaves_no_trace_of_running(tmp_path: Path) -> None:
    state = tmp_path / "keytwin" / "star6"
    for number, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, Exit.OK)):
        in_front = _started(tmp_path, "up", "star6", "--base-port", str(free_ports(2 * NODES + 1)))
        told = find(state, tmp_path).run
        assert told.pid == in_front.pid
        in_front.send_signal(number)
        said, _ = in_front.communicate(timeout=60)
        assert in_front.returncode == code
        assert not is_running(state)
        assert keytwin("status", home=tmp_path).returncode == Exit.REFUSED
        assert said.endswith("has stopped; its state stays in " + f"{state}\n") == (code == Exit.OK)


def _watching(home: Path) -> subprocess.Popen[str]:
    """Follow the events as a process of its own, and return it once it has printed one."""
    return _started(home, "events", "-f")


def _started(home: Path, *words: str) -> subprocess.Popen[str]:
    """Start a command that goes on, and return it once it has printed a line."""
    process = subprocess.Popen(
        [sys.executable, "-m", "keytwin", *words],
        cwd=home,
        env={**os.environ, "XDG_STATE_HOME": str(home), "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


LIVE_NEED = """
format: 1
name: on-the-star
stakeholder: Somebody
sites: {km2: {}, km3: {}}
lines: [km2 -- km3: {length: 1 km}]
needs:
  N1: {text: quick, measure: latency, at-most: 10 s, priority: must}
  N2: {text: there, measure: availability, at-least: 90 %, priority: must}
  N3: {text: soon, measure: set-up-time, at-most: 1 min, priority: must}
  N4: {text: enough, measure: key-rate, at-least: 256 bit/s, priority: must}
  N5: {text: "at once", measure: latency, at-most: 1 ns, priority: should}
"""


def test_a_need_is_judged_by_asking_for_keys(shell: Shell, up: Up) -> None:
    need = up.home / "need.yaml"
    need.write_text(LIVE_NEED)
    code, out, err = shell("eval", str(need), "--on", "star6", "--live", "--json")
    assert (code, err) == (Exit.OK, "")
    told = {each["need"]: each for each in json.loads(out)}
    assert [told[name]["outcome"] for name in ("N1", "N2", "N3", "N4", "N5")] == [*["met"] * 4, "not met"]
    # What was seen by the clock cannot be replayed; what was worked out can.
    assert [told[name]["is_replayable"] for name in ("N1", "N2", "N3", "N4")] == [False, False, False, True]
    assert told["N1"]["value"] > 0
    code, out, _ = shell("eval", str(need), "--on", "star6", "--live")
    assert "demonstration" in out
