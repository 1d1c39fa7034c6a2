"""Cases on made-up sites, and what realisation makes of them with a rate that anybody can compute."""

from __future__ import annotations

from keytwin.design.need import Assumptions, Case, Line, Need, NeedId, Orbiter, Priority, Site
from keytwin.design.plan import Plan
from keytwin.design.realisation import Shelf, realise
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.identity import DeviceId, LinkId, NodeId, link_ends
from keytwin.vocabulary.medium import Satellite
from keytwin.vocabulary.units import Decibels, DecibelsPerKilometre, Kilometres, minutes
from tests.design.ovms import chosen, small_ovm
from tests.fakes.rates import rate_by_loss

GROUND = ("medium.terrestrial", "terrestrial.fibre")
USUAL = Assumptions()
SKY = ("medium.satellite", "free-space.single")
RELAYED = ("protocol.decoy-bb84", "q-link.trusted-relay", *GROUND)


def device(name: str, protocol: str) -> Device:
    return Device(name=DeviceId(name), about="", protocol=protocol, sources={})


SHELF = Shelf(
    (
        device("satellite-decoy-bb84", "decoy-bb84"),
        device("generic-decoy-bb84", "decoy-bb84"),
        device("other-decoy-bb84", "decoy-bb84"),
        device("generic-bb84", "bb84-single-photon"),
        device("chain", "repeater-chain"),
    ),
    rate_by_loss,
)


def line(ends: str, length: float, relays: str | None = None, extra: float = 0.0, name: str = "") -> Line:
    first, second = link_ends(LinkId(ends))
    return Line((first, second), name, Kilometres(length), DecibelsPerKilometre(0.2), Decibels(extra), relays)


def need(measure: str, threshold: float, *pairs: str, priority: Priority = Priority.MUST) -> Need:
    return Need(
        id=NeedId(f"N-{measure}-{threshold}"),
        text="",
        priority=priority,
        measure=measure,
        threshold=threshold,
        between=tuple(link_ends(LinkId(pair)) for pair in pairs),
    )


def case(
    *lines: Line,
    needs: tuple[Need, ...] = (),
    sites: tuple[Site, ...] = (),
    satellites: tuple[Orbiter, ...] = (),
    assume: Assumptions = USUAL,
) -> Case:
    known = {site.id: site for site in sites}
    named = dict.fromkeys(end for each in lines for end in each.ends)
    return Case(
        name="test",
        stakeholder="somebody",
        sites=(*sites, *(Site(NodeId(end)) for end in named if end not in known)),
        lines=lines,
        satellites=satellites,
        needs=needs or (need("key-rate", 1_000.0),),
        assume=assume,
    )


def plan(subject: Case, *variants: str, routes: int = 1) -> Plan:
    return realise(subject, small_ovm(), chosen(*variants), SHELF, routes)


LEO = Orbiter(NodeId("leo"), "Agency", Satellite(first=minutes(1)), minutes(90))
APART = (Site(NodeId("a"), position=(40.0, 0.0)), Site(NodeId("b"), position=(40.0, 90.0)))
