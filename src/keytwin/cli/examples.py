"""`keytwin examples`: what can be run by name."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table

from keytwin.cli.output import show, show_json, suggest
from keytwin.cli.topology import list_topologies


def examples(name: str | None = None, /, *, topologies: bool = False, json: bool = False) -> None:
    """List the example networks, scenarios, needs, selections, devices and OVMs, or print the file of one.

    Parameters
    ----------
    name
        What the file of is printed, to begin one's own with: network, scenario, need, selection, device or OVM; with
        --topologies a collection of these.
    topologies
        List the known topologies that `keytwin init --topology` can begin a network with.
    json
        Print the list as JSON, and nothing else.
    """
    from keytwin.files.library import example_text

    if topologies:
        list_topologies(name, json=json)
        return
    # As it is in the library, comments included, and without our own words: it is meant to be redirected.
    if name is not None:
        print(example_text(name), end="")
        return
    entries = list(_entries())
    if json:
        show_json([dict(zip(("name", "kind", "about"), each, strict=True)) for each in entries])
        return
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for title in ("name", "kind", "about"):
        table.add_column(title, overflow="fold")
    for each in entries:
        table.add_row(*each)
    show(table)
    suggest(
        ("keytwin run star6/fig4", "run one by its name"),
        ("keytwin examples star6 > mine.yaml", "begin a network of your own with one"),
    )


def _entries() -> Iterator[tuple[str, str, str]]:
    from keytwin.files.cost_book import cost_book_from
    from keytwin.files.device import library_device
    from keytwin.files.knowledge import read_knowledge
    from keytwin.files.library import (
        cost_book_names,
        cost_book_source,
        device_names,
        knowledge_names,
        needs,
        networks,
        ovm_names,
        scenarios,
        selections,
    )
    from keytwin.files.need import read_need
    from keytwin.files.network import read_network
    from keytwin.files.ovm import library_ovm
    from keytwin.files.scenario import read_scenario
    from keytwin.files.selection_file import read_selection

    for name in networks():
        yield name, "network", read_network(name).about
        for scenario in scenarios():
            if scenario.startswith(f"{name}/"):
                yield scenario, "scenario", read_scenario(scenario).about
    for need in needs():
        yield need, "need", read_need(need).about
    for selection in selections():
        yield selection, "selection", read_selection(selection).about
    for device in device_names():
        yield device, "device", library_device(device).about
    for ovm in ovm_names():
        yield ovm, "OVM", library_ovm(ovm).about
    for knowledge in knowledge_names():
        yield knowledge, "knowledge base", read_knowledge(knowledge).about
    for book in cost_book_names():
        yield book, "cost book", cost_book_from(cost_book_source(book)).about
