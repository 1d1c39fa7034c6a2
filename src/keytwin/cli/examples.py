"""`keytwin examples`: what can be run by name."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from keytwin.cli.output import show, show_json, suggest


def examples(name: str | None = None, /, *, json: bool = False) -> None:
    """List the example networks, scenarios and devices, or print the file of one.

    Parameters
    ----------
    name
        Of the example whose file is printed, to begin one's own with.
    json
        Print the list as JSON, and nothing else.
    """
    from keytwin.scenario.load import catalogue, example_file

    if name is not None:
        print(example_file(name), end="")
        return
    entries = catalogue()
    if json:
        show_json([{"name": each.name, "kind": each.kind.value, "about": each.about} for each in entries])
        return
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for title in ("name", "kind", "about"):
        table.add_column(title, overflow="fold")
    for each in entries:
        table.add_row(each.name, each.kind.value, each.about)
    show(table)
    suggest(
        ("keytwin run star6/fig4", "run one by its name"),
        ("keytwin examples star6 > mine.yaml", "begin a network of your own with one"),
    )
