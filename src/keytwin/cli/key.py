"""`keytwin key`: keys of a live network, fetched as a stock client of ETSI GS QKD 014 would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter
from rich.box import SIMPLE_HEAD
from rich.table import Table

from keytwin.cli.exits import Exit
from keytwin.cli.output import complain, counted, show, show_json
from keytwin.cli.place import StateOption, console
from keytwin.cli.values import Number, whole
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import in_seconds, parse_duration

if TYPE_CHECKING:
    from keytwin.operation.key_pickup import Pair
    from keytwin.service.operator_values import SaeStatus

MEMBERS: Final = ("key_size", "stored_key_count", "max_key_count", "max_key_per_request", "max_key_size")
Size = Annotated[int | None, Parameter(converter=whole)]

key = App(name="key", help="Get keys of a live network as a stock client of ETSI GS QKD 014 would, or ask for status.")


@key.command
def get(
    app: str,
    /,
    *,
    number: Number = 1,
    size: Size = None,
    wait: str = "5 s",
    show_keys: Annotated[bool, Parameter(name="--show")] = False,
    state: StateOption = None,
) -> int:
    """Get keys at the first end of an app and fetch them at the other; exit code 1 when they are not equal.

    Parameters
    ----------
    app
        The app whose two SAEs get the keys: the first of the network file asks, the other fetches by key_ID.
    number
        How many keys, in one request.
    size
        Bits of each key; without it, the app's usual size.
    wait
        How long to go on asking where there is no key yet, such as 30s; not at all with 0s.
    show_keys
        Print the keys themselves, too, in hexadecimal. They are real: keep them off screens and out of logs.
    """
    from keytwin.operation.key_pickup import ends_of, fetch

    patience = in_seconds(parse_duration(wait))
    if not number:
        raise Mistake("--number is at least 1")
    first, second = ends_of(app, console(state).status())
    pairs = fetch(first, second, number, size, patience)
    show(f"{app}: {first.sae} at {first.node} asked, {second.sae} at {second.node} fetched", _table(pairs))
    equal = sum(pair.is_equal for pair in pairs)
    show(f"{equal} of {counted(len(pairs), 'key')} equal at both ends", "")
    if show_keys:
        _show_keys(pairs)
    _show_curl(first, second, number, size)
    return Exit.OK if equal == len(pairs) else _unequal(pairs)


@key.command
def status(app: str, /, *, json: bool = False, state: StateOption = None) -> None:
    """Show what each end of an app may ask for as master: status of ETSI GS QKD 014.

    Parameters
    ----------
    app
        The app whose ends are asked.
    json
        Print both answers as JSON, and nothing else.
    """
    from keytwin.operation.key_pickup import StockSae, ends_of

    ends = dict.fromkeys(ends_of(app, console(state).status()))
    told = [StockSae(end).status() for end in ends]
    if json:
        show_json(told)
        return
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for title in ("", *(f"{each.master_sae_id} to {each.slave_sae_id}" for each in told)):
        table.add_column(title, overflow="fold")
    for member in MEMBERS:
        table.add_row(member, *(str(getattr(each, member)) for each in told))
    show(table)


def _table(pairs: tuple[Pair, ...]) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for title in ("key_ID", "fingerprint", "bits", "method", "hops", "equal"):
        table.add_column(title, overflow="fold", no_wrap=title == "key_ID")
    for pair in pairs:
        got = pair.master
        equal = "yes" if pair.is_equal else f"NO: {pair.slave.key_id} {pair.slave.fingerprint}"
        table.add_row(got.key_id, got.fingerprint, str(len(got.octets) * 8), got.method, str(got.hops or "-"), equal)
    return table


def _show_keys(pairs: tuple[Pair, ...]) -> None:
    print("# key_ID and key")
    for pair in pairs:
        for fetched in (pair.master,) if pair.is_equal else (pair.master, pair.slave):
            print(fetched.key_id, fetched.octets.hex())
    print()


def _show_curl(first: SaeStatus, second: SaeStatus, number: int, size: int | None) -> None:
    from keytwin.operation.key_pickup import curl_line, enc_query
    from keytwin.service.etsi014_wire import DEC_KEYS, ENC_KEYS

    # Printed as it is, whatever its length: a line that is broken at the terminal's edge cannot be copied.
    print(f"# the same with curl: {first.sae} gets {'a fresh key' if number == 1 else 'fresh keys'}")
    print(curl_line(first, ENC_KEYS, enc_query(number, size)))
    print(f"# {second.sae} fetches one of them, once: put its key_ID at the end")
    print(curl_line(second, DEC_KEYS, "key_ID="))


def _unequal(pairs: tuple[Pair, ...]) -> Exit:
    for pair in pairs:
        if not pair.is_equal:
            complain(f"failed: {pair.master.key_id} is not equal at both ends")
    return Exit.FAILED
