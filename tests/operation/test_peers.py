"""Whom the SAEs of a node have keys in common with, as the SKIP face tells them."""

from __future__ import annotations

from keytwin.operation.faces import peers_at
from keytwin.vocabulary.blueprint import App, Blueprint, Endpoint
from keytwin.vocabulary.identity import AppId, NodeId, SaeId, UserId
from keytwin.vocabulary.topology import Topology
from tests.operation.live import network

NOWHERE = Topology((), ())


def app(name: str, first: str, second: str) -> App:
    """Return an app of two ends, each written as `sae@node`."""
    one, two = (
        Endpoint(SaeId(sae), NodeId(node)) for sae, _, node in (text.partition("@") for text in (first, second))
    )
    return App(AppId(name), UserId("alice"), (one, two))


def test_each_sae_of_a_node_has_the_peers_of_its_apps_in_their_order() -> None:
    apps = (app("p", "a@x", "c@y"), app("q", "b@y", "a@x"), app("r", "d@x", "e@x"), app("s", "a@x", "c@y"))
    blueprint = Blueprint("n", NOWHERE, apps=apps)
    assert peers_at(blueprint, NodeId("x")) == {"a": ("c", "b"), "d": ("e",), "e": ("d",)}
    assert peers_at(blueprint, NodeId("y")) == {"c": ("a",), "b": ("a",)}
    assert peers_at(blueprint, NodeId("z")) == {}


def test_a_selfpair_is_its_own_peer() -> None:
    blueprint = network("selfpair")
    (node,) = {end.node for each in blueprint.apps for end in each.ends if end.sae == "probe"}
    assert peers_at(blueprint, node)[SaeId("probe")] == (SaeId("probe"),)
