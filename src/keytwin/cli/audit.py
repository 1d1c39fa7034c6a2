"""`keytwin audit`: who was handed which keys, as the journal has it in a chain that shows every change."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter

from keytwin.cli.exits import Exit
from keytwin.cli.output import complain, counted, show, show_json
from keytwin.cli.passphrase import Asking
from keytwin.cli.place import StateOption, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keytwin.runtime.audit import AuditRow, Noted
    from keytwin.runtime.audit_reading import Trail

NANOSECONDS: Final = 1_000_000_000
MOST_TOLD: Final = 20  # faults on the screen; --json has all

audit = App(name="audit", help="Read and check who was handed which keys.")


@audit.command
def verify(*, json: Annotated[bool, Parameter(help="Print all as JSON.")] = False, state: StateOption = None) -> int:
    """Check that no entry of the audit was altered, removed, added or moved, and that the journal says the same.

    Works while the network runs, and on a state of one that does not. The exit code is 1 when something is wrong.
    """
    trail = _trail(state)
    if json:
        faults = [{"row": fault.row, "what": fault.what} for fault in trail.faults]
        show_json({"rows": len(trail.rows), "entries": sum(1 for _ in trail.entries()), "faults": faults})
    else:
        _tell(trail)
    return Exit.FAILED if trail.faults else Exit.OK


@audit.command(name="show")
def show_entries(
    *,
    sae: Annotated[str, Parameter(help="Only what this SAE was handed.")] = "",
    key_id: Annotated[str, Parameter(help="Only what concerns this key.")] = "",
    json: Annotated[bool, Parameter(help="Print each entry as one line of JSON.")] = False,
    state: StateOption = None,
) -> int:
    """Print the entries of the audit, oldest first. Times are UTC. No key is in them, only what names it."""
    trail = _trail(state)
    number = 0
    for row, noted in _wanted(trail, sae, key_id):
        number += 1
        print(json_line(row, noted) if json else line_of(row, noted))
    if not json:
        show(f"{number} of {_entries(trail)}")
    if trail.faults:
        complain(f"the audit is not whole: {counted(len(trail.faults), 'fault')}; see keytwin audit verify")
        return Exit.FAILED
    return Exit.OK


def line_of(row: AuditRow, noted: Noted) -> str:
    """Write an entry for people: when, where, what, to whom, which keys."""
    entry = noted.entry
    at = datetime.fromtimestamp(row.at // NANOSECONDS, UTC).replace(microsecond=row.at % NANOSECONDS // 1000)
    keys = " ".join(entry.keys) or f"batch {entry.batch}"
    size = f" {entry.size} bit" if entry.size else ""
    whom = f" {entry.sae}" if entry.sae else ""
    return f"{row.id} {at:%Y-%m-%d %H:%M:%S.%f} {noted.element} {entry.decision.value}{whom}{size}: {keys}"


def json_line(row: AuditRow, noted: Noted) -> str:
    """Write an entry as one line of JSON."""
    import msgspec

    fields: dict[str, object] = {"row": row.id, "at": row.at, "element": noted.element}
    return msgspec.json.encode(fields | msgspec.to_builtins(noted.entry)).decode()


def _wanted(trail: Trail, sae: str, key_id: str) -> Iterator[tuple[AuditRow, Noted]]:
    for row, noted in trail.entries():
        if (not sae or noted.entry.sae == sae) and (not key_id or key_id in noted.entry.keys):
            yield row, noted


def _tell(trail: Trail) -> None:
    for fault in trail.faults[:MOST_TOLD]:
        complain(f"row {fault.row} {fault.what}" if fault.row else fault.what)
    if len(trail.faults) > MOST_TOLD:
        complain(f"and {counted(len(trail.faults) - MOST_TOLD, 'fault')} more")
    if trail.first > 1:
        show(f"rows 1 to {trail.first - 1} of the journal were written by a keytwin without audit")
    found = counted(len(trail.faults), "fault") if trail.faults else "whole"
    show(f"{counted(len(trail.rows), 'row')}, {_entries(trail)}: {found}")


def _entries(trail: Trail) -> str:
    number = sum(1 for _ in trail.entries())
    return "1 entry" if number == 1 else f"{number} entries"


def _trail(state: Path | None) -> Trail:
    from keytwin.operation.audit import trail_of

    return trail_of(state.absolute() if state else running(None).state, Asking())
