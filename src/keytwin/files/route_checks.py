"""Whether a network has the routes without a common node that its service levels promise."""

from __future__ import annotations

from keytwin.algorithms.graphs import Edge, Graph
from keytwin.files.network_file import NetworkFile
from keytwin.files.nodes import Node, place_of
from keytwin.files.page import Page
from keytwin.vocabulary.identity import LinkId, NodeId


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
