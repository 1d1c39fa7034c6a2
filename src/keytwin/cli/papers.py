"""`keytwin papers`: published values, and whether the models give the same."""

from __future__ import annotations

from dataclasses import fields

from cyclopts import App
from rich.box import SIMPLE_HEAD
from rich.table import Table

from keytwin.cli.exits import Exit
from keytwin.cli.output import counted, show, show_json, suggest

papers = App(name="papers", help="Hold the models against published values.")


@papers.command
def ls(*, json: bool = False) -> None:
    """List the published values that the models reproduce.

    Parameters
    ----------
    json
        Print the list as JSON, and nothing else.
    """
    from keytwin.report.published import PUBLISHED

    if json:
        told = [field for field in fields(PUBLISHED[0]) if field.name != "ours"]
        show_json([{field.name: getattr(each, field.name) for field in told} for each in PUBLISHED])
        return
    table = _table("name", "what", "published", "source", "origin")
    for each in PUBLISHED:
        table.add_row(each.name, each.what, f"{each.value:.9g} {each.unit}".rstrip(), each.source, each.origin)
    show(table)
    suggest(("keytwin papers run", "compute them all"), (f"keytwin papers run {PUBLISHED[0].name}", "compute one"))


@papers.command
def run(name: str | None = None, /, *, json: bool = False) -> int:
    """Compute published values anew; exit code 1 when one is not reproduced within its tolerance.

    Parameters
    ----------
    name
        One of them, or all whose names begin so, such as bbm92; without it all.
    json
        Print them as JSON, and nothing else.
    """
    from keytwin.report.papers import reproduce, show_error

    rows = reproduce(name)
    wrong = [row for row in rows if not row.ok]
    if json:
        show_json(rows)
        return Exit.FAILED if wrong else Exit.OK
    table = _table("name", "published", "ours", "error", "tolerance", "ok", "source")
    for row in rows:
        values = (f"{row.published:.9g} {row.unit}".rstrip(), f"{row.ours:.6g}", show_error(row.error))
        table.add_row(row.name, *values, f"{row.tolerance:g}", "yes" if row.ok else "NO", row.source)
    show(table, f"{len(rows) - len(wrong)} of {counted(len(rows), 'published value')} reproduced")
    return Exit.FAILED if wrong else Exit.OK


def _table(*titles: str) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold", no_wrap=title in {"name", "error", "ok"})
    return table
