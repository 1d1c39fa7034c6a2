"""A network in processes, killed and stopped for real: keys go on, none twice, none at one end alone, no orphan."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from keytwin.operation.whereabouts import is_running, wait_until_stopped
from tests.fakes.ports import free_ports
from tests.marks import invariant
from tests.operation.processes import APPS, LONGEST, NODES, Load, Up, keytwin, running, start, until

pytestmark = pytest.mark.slow
KMS = [f"km/km{index}" for index in range(NODES)]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running(tmp_path_factory.mktemp("state") / "star6") as network:
        yield network


def alive(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


def pids(network: Up) -> list[int]:
    return [each.pid for each in network.status().processes if each.pid is not None]


# --- what there is ----------------------------------------------------------------------------------------------------


def test_status_shows_each_process(up: Up) -> None:
    told = up.status()
    assert [each.name for each in told.processes] == ["bus", "control", *KMS]
    assert {each.state for each in told.processes} == {"running"}
    assert len({os.getpid(), told.pid, *pids(up)}) == NODES + 4
    assert {each.name for each in told.elements} >= {
        "admission",
        "controller",
        "km/km0",
        "link/km0--km1",
        "sae/app01-a",
    }
    shown = keytwin("status", "--state", str(up.state)).stdout
    assert all(re.search(rf"{name} +running +\d+ +\d+", shown) for name in ("bus", "control", *KMS))


def test_each_process_has_its_own_journal_and_log_and_only_key_managers_hold_link_key(up: Up) -> None:
    folder = up.state / "processes"
    for name in ("control", *KMS):
        assert (folder / name / "journal" / "journal.db").is_file()
        assert (folder / name / "log").stat().st_mode & 0o077 == 0
    assert (folder / "bus" / "nats.conf").stat().st_mode & 0o077 == 0
    assert not (up.state / "journal").exists()


def test_the_commands_work_as_in_one_process(up: Up) -> None:
    got = keytwin("key", "get", "app23", "--wait", "30 s", "--state", str(up.state))
    assert got.returncode == 0, got.stderr
    assert "1 of 1 key equal at both ends" in got.stdout
    cut = keytwin("fail", "link", "km4--km5", "--state", str(up.state))
    assert cut.returncode == 0, cut.stderr
    until(lambda: next(each.status for each in up.status().links if each.link == "km4--km5") != "ACTIVE")
    healed = keytwin("heal", "link", "km4--km5", "--state", str(up.state))
    assert healed.returncode == 0, healed.stderr
    until(lambda: all(each.status == "ACTIVE" for each in up.status().links))
    assert "keytwin_keys_delivered_total" in up.console.metrics()
    assert up.console.events(0).last > 0


# --- kills ------------------------------------------------------------------------------------------------------------


@invariant("K1")
@invariant("K2")
@invariant("K3")
@invariant("K6")
@invariant("S6")
def test_each_key_manager_is_killed_in_turn_and_its_sessions_go_on(up: Up) -> None:
    load, before = Load(up), up.sessions()
    with load.running():
        load.all_served_anew()
        for name in KMS:
            up.kill(name)
            load.all_served_anew()
    load.check()
    until(lambda: up.sessions() == before)
    assert all(up.process(name).restarts for name in KMS)
    until(lambda: up.status().is_healthy)


@invariant("C2")
@pytest.mark.parametrize("name", ["control", "bus"])
def test_without_control_or_bus_sessions_go_on_giving_keys(up: Up, name: str) -> None:
    before, load = up.sessions(), Load(up)
    up.signal(name, signal.SIGSTOP)  # killed, it would be back at once
    try:
        with load.running():
            for _ in range(3):
                load.all_served_anew()
    finally:
        up.signal(name, signal.SIGCONT)
    load.check()
    up.kill(name)
    with load.running():
        pass
    until(lambda: up.sessions() == before)


@invariant("O4")
@invariant("K1")
@invariant("K2")
def test_a_key_manager_that_is_stopped_is_not_healthy_and_goes_on_where_it_was(up: Up) -> None:
    load = Load(up)
    with load.running():
        load.all_served_anew()
        up.signal("km/km2", signal.SIGSTOP)
        until(lambda: not next(each for each in up.status().key_managers if each.node == "km2").is_healthy)
        assert not up.status().is_healthy
        assert up.process("km/km2").state == "silent"
        up.signal("km/km2", signal.SIGCONT)
        load.all_served_anew()
    load.check()
    until(lambda: up.status().is_healthy)


def test_a_revoked_sae_is_let_in_by_no_process(up: Up) -> None:
    revoked = keytwin("sae", "revoke", "app45-a", "--state", str(up.state))
    assert revoked.returncode == 0, revoked.stderr
    refused = keytwin("key", "get", "app45", "--state", str(up.state))
    assert refused.returncode != 0
    up.kill("km/km4")  # nor by one that starts anew
    refused = keytwin("key", "get", "app45", "--state", str(up.state))
    assert refused.returncode != 0
    assert keytwin("sae", "add", "app45-a", "--state", str(up.state)).returncode == 0
    assert keytwin("key", "get", "app45", "--wait", "30 s", "--state", str(up.state)).returncode == 0


# --- ends -------------------------------------------------------------------------------------------------------------


@invariant("S6")
def test_down_ends_every_process_and_up_goes_on_with_the_same_sessions(tmp_path: Path) -> None:
    state = tmp_path / "star6"
    with running(state) as network:
        before, numbers = network.sessions(), pids(network)
        done = keytwin("down", "--state", str(state))
        assert done.returncode == 0, done.stderr
        assert not [pid for pid in numbers if alive(pid)]
    refused = keytwin("up", "star6", "-d", "--state", str(state), "--base-port", str(network.base))
    assert refused.returncode == 2
    assert "give --processes" in refused.stderr
    with running(state) as network:
        assert network.sessions() == before


@invariant("K1")
def test_no_process_outlives_its_supervisor_and_the_state_can_be_used_again(tmp_path: Path) -> None:
    state = tmp_path / "star6"
    network = start(state)
    numbers, before = pids(network), network.sessions()
    os.kill(network.status().pid, signal.SIGKILL)
    assert wait_until_stopped(state, LONGEST)
    until(lambda: not any(alive(pid) for pid in numbers))
    with running(state) as network:
        assert network.sessions() == before
        load = Load(network)
        with load.running():
            load.all_served_anew()
        load.check()
    assert not is_running(state)


def test_a_process_that_dies_again_and_again_is_given_up_and_the_others_serve(tmp_path: Path) -> None:
    with running(tmp_path / "star6") as network:
        for _ in range(5):
            network.kill("km/km5")
        network.signal("km/km5", signal.SIGKILL)
        until(lambda: network.process("km/km5").state == "given up")
        assert not network.status().is_healthy
        got = keytwin("key", "get", APPS[0], "--wait", "30 s", "--state", str(network.state))
        assert got.returncode == 0, got.stderr


@pytest.mark.parametrize(("port", "whose"), [(12, "key manager of km5"), (13, "bus of star6")])
def test_what_stands_in_the_way_of_a_part_is_told_at_the_start(tmp_path: Path, port: int, whose: str) -> None:
    state, base = tmp_path / "star6", free_ports(2 * NODES + 2)
    with socket.create_server(("127.0.0.1", base + port)):
        words = ("--state", str(state), "--base-port", str(base))
        refused = keytwin("up", "star6", "--processes", "-d", *words)
    assert refused.returncode == 3
    assert f"the {whose} cannot listen at port {base + port}" in refused.stderr
    assert not is_running(state)
