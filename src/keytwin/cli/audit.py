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
from keytwin.vocabulary.units import NANOSECONDS_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keytwin.runtime.audit import AuditRow, Noted
    from keytwin.runtime.audit_reading import Trail

MOST_TOLD: Final = 20  # faults on the screen; --json has all

audit = App(name="audit", help="Read and check who was handed which keys.")


@audit.command
def verify(*, json: Annotated[bool, Parameter(help="Print all as JSON.")] = False, state: StateOption = None) -> int:
    """Check that no entry of the audit was altered, removed, added or moved, and that the journal says the same.

    Works while the network runs, and on a state of one that does not. The exit code is 1 when something is wrong.
    """
    trails = _trails(state)
    if json:
        show_json(
            {
                "rows": sum(len(trail.rows) for trail in trails.values()),
                "entries": sum(_number(trail) for trail in trails.values()),
                "faults": [
                    {"journal": name, "row": fault.row, "what": fault.what}
                    for name, trail in trails.items()
                    for fault in trail.faults
                ],
            }
        )
    else:
        for name, trail in trails.items():
            _tell(name, trail)
    return Exit.FAILED if any(trail.faults for trail in trails.values()) else Exit.OK


@audit.command(name="show")
def show_entries(
    *,
    sae: Annotated[str, Parameter(help="Only what this SAE was handed.")] = "",
    key_id: Annotated[str, Parameter(help="Only what concerns this key.")] = "",
    json: Annotated[bool, Parameter(help="Print each entry as one line of JSON.")] = False,
    state: StateOption = None,
) -> int:
    """Print the entries of the audit, oldest first. Times are UTC. No key is in them, only what names it."""
    trails = _trails(state)
    found = sorted(
        ((row, noted) for trail in trails.values() for row, noted in _wanted(trail, sae, key_id)),
        key=lambda each: each[0].at,
    )
    for row, noted in found:
        print(json_line(row, noted) if json else line_of(row, noted))
    if not json:
        show(f"{len(found)} of {_entries(sum(map(_number, trails.values())))}")
    faults = sum(len(trail.faults) for trail in trails.values())
    if faults:
        complain(f"the audit is not whole: {counted(faults, 'fault')}; see keytwin audit verify")
        return Exit.FAILED
    return Exit.OK


def line_of(row: AuditRow, noted: Noted) -> str:
    """Write an entry for people: when, where, what, to whom, which keys."""
    entry = noted.entry
    whole, part = divmod(row.at, NANOSECONDS_PER_SECOND)
    at = datetime.fromtimestamp(whole, UTC).replace(microsecond=part // 1_000)
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


def _tell(name: str, trail: Trail) -> None:
    """Tell what is wrong with one journal, and how much there is."""
    place = f"{name}: " if name else ""
    for fault in trail.faults[:MOST_TOLD]:
        complain(f"{place}row {fault.row} {fault.what}")
    if len(trail.faults) > MOST_TOLD:
        complain(f"{place}and {counted(len(trail.faults) - MOST_TOLD, 'fault')} more")
    if trail.first > 1:
        show(f"{place}rows 1 to {trail.first - 1} of the journal were written by a keytwin without audit")
    found = counted(len(trail.faults), "fault") if trail.faults else "whole"
    show(f"{place}{counted(len(trail.rows), 'row')}, {_entries(_number(trail))}: {found}")


def _number(trail: Trail) -> int:
    return sum(1 for _ in trail.entries())


def _entries(number: int) -> str:
    return "1 entry" if number == 1 else f"{number} entries"


def _trails(state: Path | None) -> dict[str, Trail]:
    from keytwin.operation.audit import trails_of

    return trails_of(state.absolute() if state else running(None).state, Asking())
