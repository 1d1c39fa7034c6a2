"""`keytwin status`: a live network, with all that a client of one's own must know."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table

from keytwin.cli.exits import Exit
from keytwin.cli.output import show, show_json
from keytwin.cli.place import StateOption, console
from keytwin.vocabulary.key import Fallback, KeyMode
from keytwin.vocabulary.units import show_bits, show_rate

if TYPE_CHECKING:
    from keytwin.service.operator_values import NetworkStatus, ProcessStatus, QLinkStatus, SaeStatus, SessionStatus

NOTHING: Final = "-"
FALLEN_BACK: Final = f"now {Fallback.PQC_ONLY}"


def status(*, json: bool = False, state: StateOption = None) -> int:
    """Show a live network: its key managers, its SAEs with their files, its links. Exit code 1 when it is not healthy.

    Parameters
    ----------
    json
        Print all of it as JSON, and nothing else.
    """
    told = console(state).status()
    if json:
        show_json(told)
    else:
        show_status(told)
    return Exit.OK if told.is_healthy else Exit.FAILED


def show_status(told: NetworkStatus) -> None:
    """Print a network as tables."""
    show(
        f"{told.network} is up, {'healthy' if told.is_healthy else 'not healthy'}: {_since(told)}",
        *_troubles(told),
        *([_processes(told.processes)] if told.processes else []),
        _kms(told),
        _saes(told.saes),
        _links(told.links),
    )
    _show_places(told)


def show_start(told: NetworkStatus) -> None:
    """Print where everything is of a network whose faces have just begun to serve: all else is still to come."""
    table = _table("key manager", "serves SAEs at", "its SAEs")
    for each in told.key_managers:
        saes = [end.sae for end in told.saes if end.node == each.node]
        table.add_row(each.node, each.face_url, ", ".join(dict.fromkeys(saes)) or NOTHING)
    show(f"{told.network} is up: {_since(told)}", table)
    _show_places(told)


def _since(told: NetworkStatus) -> str:
    speed = "" if told.speed == 1 else f", twins at {told.speed:g} x"
    return f"process {told.pid} since {told.started}{speed}"


def _troubles(told: NetworkStatus) -> list[str]:
    """Tell of elements that do not run, or did not always."""
    lines = [f"the journal was damaged: {each}" for each in told.damage]
    lines += [f"{each.name} is stopped" for each in told.elements if each.state != "running"]
    return lines + [f"{each.name} was started again {each.restarts} x" for each in told.elements if each.restarts]


def _processes(processes: tuple[ProcessStatus, ...]) -> Table:
    table = _table("process", "state", "pid", "restarts")
    for each in processes:
        table.add_row(each.name, each.state, NOTHING if each.pid is None else str(each.pid), str(each.restarts))
    return table


def _kms(told: NetworkStatus) -> Table:
    table = _table("key manager", "serves SAEs at", "KM link at", "healthy")
    for each in told.key_managers:
        table.add_row(each.node, each.face_url, each.link_address, "yes" if each.is_healthy else "no")
    return table


def _saes(saes: tuple[SaeStatus, ...]) -> Table:
    # What keys are made of is told where it is not the usual: the table is wide enough as it is.
    has_modes = any(each.mode is not KeyMode.QKD_ONLY or each.is_fallen_back for each in saes)
    modes = ["made of"] if has_modes else []
    table = _table("SAE", "app", "at", "peer", "at", "session", "key", "rate", "hops", *modes)
    for each in saes:
        made_of = FALLEN_BACK if each.is_fallen_back else each.mode
        row = (each.sae, each.app, each.node, each.peer, each.peer_node, *_granted(each.session))
        table.add_row(*row, *([made_of] if has_modes else []))
    return table


def _granted(session: SessionStatus | None) -> Iterator[str]:
    """Give a session's state, and what it was granted once it is open."""
    if session is None:
        yield from [NOTHING] * 4
        return
    yield session.state
    yield show_bits(session.key_size) if session.key_size else NOTHING
    yield show_rate(session.rate) if session.rate else NOTHING
    yield str(session.hops) if session.hops else NOTHING


def _show_places(told: NetworkStatus) -> None:
    """Print where everything is, on lines that are never broken: they are there to be copied."""
    files = {each.sae: each.files for each in told.saes}
    longest = max(map(len, files), default=0)
    print(f"state          {told.state_directory}\noperator face  {told.operator_url}")
    for trusted in sorted({each.trusted for each in files.values()}):
        print(f"authority      {trusted}")
    if files:
        print("certificate.pem and key.pem of")
    for name, each in files.items():
        print(f"  {name:<{longest}}  {Path(each.certificate).parent}")


def _links(links: tuple[QLinkStatus, ...]) -> Table:
    table = _table("Q-link", "status", "rate", "QBER", "stock to send, each way")
    for each in links:
        table.add_row(
            each.link,
            each.status,
            NOTHING if each.rate is None else f"{each.rate / 1000:,.1f} kbit/s",
            NOTHING if each.qber is None else f"{each.qber:.2%}",
            ", ".join(NOTHING if stock is None else f"{stock / 1000:,.0f} kbit" for stock in each.stocks),
        )
    return table


def _table(*titles: str) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    return table
