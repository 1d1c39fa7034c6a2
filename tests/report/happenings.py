"""A run of paper B's experiment as its event stream, by hand: three sessions, one relayed through km0."""

from __future__ import annotations

from typing import Final

from keytwin.vocabulary.events import (
    BlockDistilled,
    KeysAnswered,
    KeysReady,
    KeysRelayed,
    SessionAdmitted,
    SessionConfigured,
    SessionRequested,
    UserAuthenticated,
)
from keytwin.vocabulary.identity import AppId, ElementName, KeyId, Ksid, LinkId, NodeId, SaeId
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration, Instant, milliseconds

Published = tuple[Instant, ElementName, Event]

ROUTES: Final = {"app01": ("km0", "km1"), "app23": ("km2", "km0", "km3"), "app45": ("km4", "km5")}
READY: Final = {"app01": 57_203.1, "app23": 61_877.4, "app45": 59_011.2}  # milliseconds


def experiment() -> list[Published]:
    """Return the events in the order of time."""
    published = [event for name in ROUTES for event in session(name, READY[name])]
    return sorted(published, key=lambda each: each[0])


def session(name: str, ready: float, called: str = "") -> list[Published]:
    """Return the events of one session: 10 ms of signalling, then its key at `ready` milliseconds."""
    app, ksid = AppId(called or name), Ksid(f"ksid-of-{called or name}")
    route = tuple(NodeId(node) for node in ROUTES[name])
    ends = {route[0]: SaeId(f"{name}-a"), route[-1]: SaeId(f"{name}-b")}
    published: list[Published] = []

    def put(at: float, element: str, event: Event) -> None:
        published.append((Instant(milliseconds(at)), ElementName(element), event))

    for node, sae in ends.items():
        put(0.5, f"km/{node}", SessionRequested(node, app, sae))
        put(2.9, f"km/{node}", UserAuthenticated(node, app, sae))
    put(8.0, "admission", SessionAdmitted(ksid, app, 1, Route(route, ()), BitsPerSecond(1_000)))
    for node in route:
        put(9.4, f"km/{node}", SessionConfigured(node, ksid, 1, app if node in ends else None))
    put(ready - 40, "link/any", BlockDistilled(LinkId("km0--km1"), 1, Bits(8_000), 0.02, Duration(1)))
    for hop, node in enumerate(route[1:-1], 1):
        put(ready + 2.2 * hop, f"km/{node}", KeysRelayed(node, ksid, 1))
    done = ready + 3.8 * (len(route) - 2)
    first, last = ends
    keys = (KeyId(f"key-of-{name}"),)
    put(done, f"km/{first}", KeysReady(first, ksid, 1, len(route) - 1))
    put(done, f"km/{first}", KeysAnswered(first, ksid, ends[first], keys, is_master=True, waited=Duration(1)))
    put(done + 1.9, f"km/{last}", KeysAnswered(last, ksid, ends[last], keys, is_master=False, waited=Duration(0)))
    return published
