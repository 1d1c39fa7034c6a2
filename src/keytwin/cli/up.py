"""`keytwin up` and `keytwin down`: a network on real clocks, sockets and disks, in front or detached."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final, Literal

import msgspec
from cyclopts import Parameter

from keytwin.cli.exits import Exit
from keytwin.cli.output import complain, suggest
from keytwin.cli.passphrase import VARIABLE
from keytwin.cli.place import USUAL_START, Start, StateOption, console
from keytwin.cli.status import show_start
from keytwin.operation.settings import Misbehaviour, Ready
from keytwin.vocabulary.errors import Refusal

if TYPE_CHECKING:
    from keytwin.service.operator_values import NetworkStatus

LONGEST_START: Final = 60  # seconds until the faces accept: some hundred times what six nodes take
LONGEST_STOP: Final = 30.0  # seconds
LARGEST_STATUS: Final = 1 << 24  # octets that a detached network says of itself
Wrong = Literal["slow", "empty", "wrong-id", "tls"]


def up(
    network: str,
    /,
    *,
    detach: Annotated[bool, Parameter(name=("--detach", "-d"))] = False,
    speed: float = 1.0,
    misbehave: Wrong | None = None,
    place: Start = USUAL_START,
    ready_fd: Annotated[int | None, Parameter(show=False)] = None,
) -> int:
    """Bring a network up live: each key manager serves ETSI GS QKD 014 over mutual TLS. Ctrl-C stops it.

    Parameters
    ----------
    network
        The path of a network file, or the name of an example.
    detach
        Return when every face accepts, and let the network run until `keytwin down`.
    speed
        How many times faster than in reality the quantum links make key; all else keeps its pace.
    misbehave
        Let the key faces do something wrong on purpose, to try a client against it.
    """
    if detach:
        return _detached([network, *_options(speed, misbehave, place)], _handed_on(network, place))
    from keytwin.operation.up import serve

    wrong = None if misbehave is None else Misbehaviour(misbehave)
    settings = place.settings(network, speed, wrong)
    serve(settings, lambda ready: _tell(ready, settings.state, ready_fd))
    print(f"{settings.blueprint.name} has stopped; its state stays in {settings.state}")
    return Exit.OK


def down(*, state: StateOption = None) -> None:
    """Stop a network that runs; its state stays for the next start."""
    from keytwin.operation.whereabouts import wait_until_stopped

    operator = console(state)
    operator.stop()
    where = operator.where
    if not wait_until_stopped(where.state, LONGEST_STOP):
        pid = where.run.pid
        raise Refusal(
            f"process {pid} still runs after {LONGEST_STOP:g} s: look at {where.state}/log, or run: kill {pid}"
        )
    print(f"{where.run.network} has stopped; its state stays in {where.state}")


def _tell(ready: Ready, state: Path, descriptor: int | None) -> None:
    """Say that the network is up: to the user, or to the process that waits for it, which then lets go of us."""
    if descriptor is None:
        _show_up(ready.status)
        sys.stdout.flush()  # now, also into a pipe: the command goes on
        return
    _write_to_log(state)
    with os.fdopen(descriptor, "wb") as waiting:
        waiting.write(msgspec.json.encode(ready.status))


def _write_to_log(state: Path) -> None:
    """Let whatever is said from now on stand in the log of the network: the terminal is somebody else's again."""
    from keytwin.operation.whereabouts import open_log

    log = open_log(state)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(log, stream.fileno())
    os.close(log)


def _handed_on(network: str, place: Start) -> int | None:
    """Return the descriptor of the passphrase or PIN that a detached network needs: nobody can ask for it in there."""
    if place.passphrase_fd is not None or not sys.stdin.isatty():
        return place.passphrase_fd
    from keytwin.operation.sealing import must_ask

    settings = place.settings(network)
    is_new = must_ask(settings.state, seals=settings.seals, token=settings.token)
    if is_new is None or VARIABLE in os.environ:
        return None
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(settings.ask_passphrase(is_new=is_new))
    return reading


def _detached(words: list[str], passphrase: int | None) -> int:
    """Start the network as a process of its own and wait until it is up, or has said why not."""
    reading, writing = os.pipe()
    words += [] if passphrase is None else ["--passphrase-fd", str(passphrase)]
    child = subprocess.Popen(  # noqa: S603  # our own command, with what the user typed as its arguments
        [sys.executable, "-m", "keytwin", "up", *words, "--ready-fd", str(writing)],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=(writing,) if passphrase is None else (writing, passphrase),
    )
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        status = _wait(child, pipe)
    if not status:
        code = child.wait()
        return code if code > 0 else Exit.REFUSED
    _show_up(msgspec.json.decode(status, type=_status_type()))
    return Exit.OK


def _options(speed: float, misbehave: Wrong | None, place: Start) -> list[str]:
    options = ["--speed", repr(speed), "--host", place.host, "--base-port", str(place.base_port)]
    options += [] if place.port_004 is None else ["--port-004", str(place.port_004)]
    options += ["--processes"] if place.processes else []
    options += ["--sealed"] if place.sealed else []
    options += ["--sealed-by", place.sealed_by] if place.sealed_by else []
    options += ["--misbehave", misbehave] if misbehave else []
    given = (("--state", place.state), ("--authority", place.authority), ("--authority-key", place.authority_key))
    return options + [word for option, path in given if path for word in (option, str(path))]


def _wait(child: subprocess.Popen[bytes], pipe: BinaryIO) -> bytes:
    """Return what the network says of itself once it is up; nothing when it has ended, or took too long."""
    try:
        # The pipe ends when the network has said that it is up, and also when it dies: no need to look again and again.
        is_heard, _, _ = select.select([pipe], [], [], LONGEST_START)
        if is_heard:
            return pipe.read(LARGEST_STATUS)
        complain(f"keytwin: not every face accepts after {LONGEST_START} s: it is stopped")
    except KeyboardInterrupt:
        child.terminate()
        raise
    child.terminate()
    return b""


def _status_type() -> type[NetworkStatus]:
    from keytwin.service.operator_values import NetworkStatus

    return NetworkStatus


def _show_up(status: NetworkStatus) -> None:
    show_start(status)
    app = status.saes[0].app if status.saes else None
    suggest(
        *([(f"keytwin key get {app}", "get a key at one end and fetch it at the other")] if app else []),
        ("keytwin status", "sessions and links"),
        ("keytwin events -f", "watch what happens"),
        ("keytwin down", "stop it"),
    )
