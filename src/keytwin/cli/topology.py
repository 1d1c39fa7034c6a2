"""What `keytwin init --topology` and `keytwin examples --topologies` do: known topologies, by name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table

from keytwin.cli.output import counted, show, show_json, suggest
from keytwin.vocabulary.identity import DeviceId

if TYPE_CHECKING:
    from keytwin.files.topology_network import Grown, Wishes

_MOST_SHOWN: Final = 8  # changed names; the file has them all


def topology_text(name: str, wishes: Wishes, target: Path) -> tuple[str, Grown]:
    """Return the text of a network file made of a known topology, and how it was made."""
    from keytwin.files.library import is_path
    from keytwin.files.network import write_network
    from keytwin.files.topology_network import grow
    from keytwin.scenario.load import known_with

    # With installed plug-ins too: the protocols that they add serve a known topology as well.
    grown = grow(name, wishes, known_with())
    # A network file names the file of a device as seen from its own folder.
    own = os.path.relpath(wishes.device, target.parent) if is_path(wishes.device) else None
    paths = {DeviceId(device): own for device in grown.blueprint.devices} if own else {}
    return write_network(grown.blueprint, paths), grown


def show_grown(grown: Grown, span: float) -> None:
    """Tell what was made of a topology."""
    network = grown.blueprint
    trusted = len(network.topology.nodes) - grown.nodes
    lines = [f"{grown.topology}: {counted(grown.nodes, 'node')}, {counted(grown.links, 'link')}"]
    if trusted:
        spans = counted(len(network.topology.links), "span")
        lines.append(f"{counted(trusted, 'trusted node')} inserted: {spans} of at most {span:g} km")
    if network.apps:
        lines.append(f"{counted(len(network.apps), 'app')} between far nodes")
    if grown.left_out:
        lines.append(f"{counted(grown.left_out, 'link')} from a node to itself left out")
    if grown.renamed:
        changed = list(grown.renamed.items())
        more = [f"and {len(changed) - _MOST_SHOWN} more"] if len(changed) > _MOST_SHOWN else []
        told = [f"{before} is {after}" for before, after in changed[:_MOST_SHOWN]]
        lines.append(f"{counted(len(changed), 'name')} written otherwise: {', '.join([*told, *more])}")
    show(*lines)


def list_topologies(group: str | None, *, json: bool) -> None:
    """List the collections of topologies, or the topologies of one, with their sizes."""
    from keytwin.files.hub import hub_groups

    groups = hub_groups()
    if group is not None:
        _list_group(group, groups, json=json)
        return
    if json:
        show_json(groups)
        return
    table = _table("collection", "topologies", "such as")
    for name, members in groups.items():
        table.add_row(name, str(len(members)), ", ".join(members[:2]))
    show(table)
    suggest(
        (f"keytwin examples --topologies {next(iter(groups))}", "list those of a collection"),
        ("keytwin init mynet.yaml --topology sndlib/germany50", "begin a network with one"),
    )


def _list_group(group: str, groups: dict[str, tuple[str, ...]], *, json: bool) -> None:
    from keytwin.files.hub import hub_topology
    from keytwin.files.page import nearest
    from keytwin.vocabulary.errors import Mistake

    if group not in groups:
        near = nearest(group, list(groups))
        hint = f"did you mean {near!r}?" if near else f"known: {', '.join(groups)}"
        raise Mistake(f"no collection of topologies is called {group[:80]!r} ({hint})")
    rows = []
    for name in groups[group]:
        found = hub_topology(name)
        lengths = [edge.dist for edge in found.edges]
        longest = max(lengths, default=0.0)
        rows.append({"name": name, "nodes": len(found.nodes), "links": len(found.edges), "longest_km": longest})
    if json:
        show_json(rows)
        return
    table = _table("name", "nodes", "links", "longest link")
    for row in rows:
        table.add_row(str(row["name"]), str(row["nodes"]), str(row["links"]), f"{row['longest_km']:.0f} km")
    show(table)
    suggest((f"keytwin init mynet.yaml --topology {groups[group][0]}", "begin a network with one"))


def _table(*titles: str) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold", justify="left" if title in {titles[0], "such as"} else "right")
    return table
