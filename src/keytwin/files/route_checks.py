"""What a network can never hold of what it promises: routes without a common node, quotas that nobody counts."""

from __future__ import annotations

from keytwin.algorithms.graphs import Edge, Graph
from keytwin.files.network_file import NetworkFile
from keytwin.files.nodes import Node, place_of
from keytwin.files.page import Page
from keytwin.vocabulary.identity import LinkId, NodeId
from keytwin.vocabulary.placement import Placement


def check_routes(file: NetworkFile, root: Node, page: Page) -> None:
    """Report apps that no network state can serve, as there are fewer such routes than their service level wants."""
    if page.names.get("link") is None or page.mistakes:
        return  # a link that could not be read may be the one
    wanted = {sla.id: sla.routes for sla in file.slas}
    levels = {user.id: user.sla for user in file.users}
    graph: Graph[NodeId, LinkId] = Graph(
        (node.id for node in file.nodes), (Edge(line.id, *line.ends) for line in file.links)
    )
    for app in file.apps:
        sla = levels[app.user]
        first, second = (end.node for end in app.ends)
        missing = wanted[sla] if first != second else 0
        found = len(graph.disjoint_paths(first, second, missing)) if missing > 1 else missing
        if found < missing:
            said = (
                f"service level {sla!r} wants {missing} routes without a common node for app {app.id!r}, and from "
                f"{first!r} to {second!r} there can be no more than {found}"
            )
            page.report(place_of(root, "apps", app.id, "saes"), said, "add links, or lower 'routes'")


def check_quotas(file: NetworkFile, root: Node, page: Page) -> None:
    """Report quotas that no admission could hold, as sessions of their user belong to those of several nodes."""
    if file.control.placement is not Placement.PER_NODE:
        return
    for user in file.users:
        places = sorted({min(end.node for end in app.ends) for app in file.apps if app.user == user.id})
        if user.quota is not None and len(places) > 1:
            page.report(
                place_of(root, "users", user.id, "quota"),
                f"where control is per node, nobody sees all sessions of {user.id!r}: those of {places[0]!r} and "
                f"{places[1]!r} have each their own admission",
                "leave the quota out, or place control centrally",
            )
