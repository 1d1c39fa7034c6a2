"""What the tests of admission share: networks in working order, and what can be seen of them."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from keytwin.vocabulary.blueprint import AdmissionSettings
from keytwin.vocabulary.identity import Ksid, LinkId, NodeId
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.topology_messages import LinkReserved
from tests.control.plane import APPS, Plane, app, setup_of

ADJACENT, RELAYED, OF_BOB, TO_FOUR = APPS
KSID: Final = Ksid("11111111-1111-4111-8111-111111111111")
NODE: Final = {number: NodeId(f"km{number}") for number in range(6)}
SETTINGS: Final = AdmissionSettings()
LEASE: Final = SETTINGS.inactivity_timeout * 3 // 2
MESH: Final = ("a--b", "b--c", "a--d", "d--c")
OVER_D: Final = Route((NodeId("a"), NodeId("d"), NodeId("c")), (LinkId("a--d"), LinkId("d--c")))
DIAGONAL: Final = app("diagonal", "a", "c")


def star(**settings: object) -> Plane:
    """Six nodes around km0, with one more link between km4 and km5; every link has had its first block."""
    plane = Plane(setup=setup_of(settings=replace(SETTINGS, **settings)))
    plane.register()
    return plane


def mesh() -> Plane:
    """Two ways from a to c: over b and over d."""
    plane = Plane(MESH, setup_of([DIAGONAL]))
    plane.register()
    return plane


def reserved(plane: Plane) -> dict[str, int]:
    """Return what is reserved on each link, by what admission last told routing; links without are left out."""
    latest = {told.link: told.first for told in plane.messages(LinkReserved)}
    return {link: rate for link, rate in latest.items() if rate}


def state_of(plane: Plane, ksid: Ksid) -> str:
    """Return the state of a session at admission."""
    session = plane.admission._registry.session(ksid)
    assert session
    return session.state.value
