"""Processes of the nursery, for real: they start at once, their end is noticed, and none outlives the parent."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

pytestmark = pytest.mark.slow
LONGEST = 60  # seconds until a test that hangs is a failed one

# Run as a program of its own: a process with the threads of a test run is no place to fork.
PROGRAM = """
import os, signal, socket, sys
from keytwin.runtime.nursery import Nursery

def run(name, end):
    print("log of", name, flush=True)
    if name == "raises":
        raise ValueError("as planted")
    end.sendall(f"{name} {os.getpid()} {os.getppid()}".encode())
    while end.recv(100):
        pass

def log(name):
    return os.open(f"{FOLDER}/{name or 'nursery'}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

FOLDER = sys.argv[1]
held = os.open(f"{FOLDER}/held", os.O_RDWR | os.O_CREAT)
nursery = Nursery(run, log)
"""


def run(folder: Path, scene: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM + scene, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )


def test_a_process_runs_under_its_name_with_its_own_log(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
for name in ("one", "km/two"):
    os.makedirs(f"{FOLDER}/km", exist_ok=True)
    pid, end = nursery.start(name)
    assert end.recv(100).decode() == f"{name} {pid} {nursery.pid}"
    assert pid != nursery.pid != os.getpid()
    end.close()
nursery.close()
""",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "one").read_text() == "log of one\n"
    assert (tmp_path / "km" / "two").read_text() == "log of km/two\n"


def test_the_end_of_a_process_is_noticed_and_another_may_take_its_place(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
for _ in range(3):
    pid, end = nursery.start("one")
    end.recv(100)
    os.kill(pid, signal.SIGKILL)
    assert end.recv(100) == b""
nursery.close()
""",
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_process_that_raises_ends_and_says_why_in_its_log(tmp_path: Path) -> None:
    done = run(tmp_path, 'pid, end = nursery.start("raises"); assert end.recv(100) == b""; nursery.close()')
    assert (done.returncode, done.stderr) == (0, "")
    assert "ValueError: as planted" in (tmp_path / "raises").read_text()


def test_nothing_that_the_parent_has_open_is_open_in_a_process(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
pid, end = nursery.start("one")
end.recv(100)
for each in (pid, nursery.pid):
    links = {os.readlink(f"/proc/{each}/fd/{fd}") for fd in os.listdir(f"/proc/{each}/fd")}
    assert not any(link.endswith("held") for link in links), links
nursery.close()
""",
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is of Linux; elsewhere a closed socket tells")
@pytest.mark.parametrize("first", ["", "os.kill(pid, signal.SIGSTOP)"])
def test_no_process_outlives_a_parent_that_is_killed_even_if_it_was_stopped(tmp_path: Path, first: str) -> None:
    done = run(
        tmp_path,
        f"""
pid, end = nursery.start("one")
end.recv(100)
{first}
print(nursery.pid, pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
""",
    )
    assert done.returncode == -signal.SIGKILL
    for pid in map(int, done.stdout.split()):
        wait_for_end(pid)


def test_the_nursery_takes_all_along_when_it_is_killed(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
pid, end = nursery.start("one")
end.recv(100)
os.kill(nursery.pid, signal.SIGKILL)
assert end.recv(100) == b""
try:
    nursery.start("two")
except OSError:
    print("no way")
nursery.close()
""",
    )
    assert (done.returncode, done.stdout) == (0, "no way\n"), done.stderr


def wait_for_end(pid: int) -> None:
    """Wait until a process that is not our own child has ended; a zombie has."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with os.fdopen(handle) as watched:
        ended, _, _ = select.select([watched], [], [], LONGEST)
    assert ended, f"process {pid} lives on"
