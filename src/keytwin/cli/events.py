"""`keytwin events`: what happens in a live network, a line an event."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from cyclopts import Parameter

from keytwin.cli.output import complain, counted
from keytwin.cli.place import StateOption, console
from keytwin.vocabulary.errors import Refusal
from keytwin.vocabulary.units import in_seconds

if TYPE_CHECKING:
    from keytwin.operation.console import Console
    from keytwin.service.operator_values import EventPage

PAUSE: Final = 0.5  # seconds between two looks
STOPPING: Final = 20  # looks during which a network that answers no more may still be closing its journal
MOST_SHOWN: Final = 3  # of a list in one line


def events(
    *,
    follow: Annotated[bool, Parameter(name=("--follow", "-f"))] = False,
    json: bool = False,
    state: StateOption = None,
) -> None:
    """Print the newest events of a live network, oldest first. Times are UTC.

    Parameters
    ----------
    follow
        Go on with what happens from now on, until the network stops or Ctrl-C.
    json
        Print each event as one line of JSON, as it stands in a trace.
    """
    operator = console(state)
    for page in _pages(operator, follow=follow):
        if page.missed:
            complain(f"{counted(page.missed, 'event')} kept no longer")
        for each in page.events:
            print(bytes(each.event).decode() if json else line_of(each.event), flush=follow)


def line_of(event: msgspec.Raw) -> str:
    """Write an event for people: when, where, what, and its fields."""
    fields: dict[str, object] = msgspec.json.decode(event)
    at, element, kind = fields.pop("at"), fields.pop("element"), fields.pop("type")
    assert isinstance(at, int)
    told = " ".join(f"{name}={_value(value)}" for name, value in fields.items() if value is not None)
    return f"{datetime.fromtimestamp(in_seconds(at), UTC):%H:%M:%S.%f} {element!s:<16} {kind!s:<18} {told}".rstrip()


def _pages(operator: Console, *, follow: bool) -> Iterator[EventPage]:
    """Give page after page, the first of all that is kept; with `follow` until the network stops."""
    from keytwin.operation.whereabouts import is_running

    page = operator.events(0)
    while True:
        yield page
        if not page.events:
            if not follow:
                return
            time.sleep(PAUSE)
        try:
            page = operator.events(page.last)
        except Refusal:
            # A network that stops closes its faces first and gives up its state last.
            if _stays(lambda: is_running(operator.where.state)):
                raise
            complain("the network has stopped")
            return


def _stays(is_there: Callable[[], bool]) -> bool:
    for _ in range(STOPPING):
        if not is_there():
            return False
        time.sleep(PAUSE)
    return True


def _value(value: object) -> str:
    match value:
        case [*several]:
            rest = f"+{len(several) - MOST_SHOWN}" if len(several) > MOST_SHOWN else ""
            return ",".join(map(_value, several[:MOST_SHOWN])) + rest
        case dict():
            return ";".join(f"{name}:{_value(each)}" for name, each in value.items())
        case str():
            return f'"{value}"' if " " in value else value
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case None:
            return "-"
        case _:
            return str(value)
