"""The five elements together, under message faults, cuts and restarts: seeds, not stories."""

from __future__ import annotations

import random
from typing import Final

import pytest

from keytwin.control.admission import Admission
from keytwin.control.metrics import key_aware
from keytwin.control.office import LATEST_DELIVERY
from keytwin.vocabulary.blueprint import AdmissionSettings
from keytwin.vocabulary.events import SessionAdmitted, SessionReleased
from keytwin.vocabulary.identity import ADMISSION, CONTROLLER, MONITORING, ROUTING
from keytwin.vocabulary.operator_messages import SetNodeTrust
from keytwin.vocabulary.topology_messages import LinkReserved, LinkStatus
from keytwin.vocabulary.units import milliseconds, minutes, seconds
from tests.control.plane import RATE, STAR, Plane, app, setup_of
from tests.marks import invariant

APPS: Final = tuple(
    app(f"app{first}{second}", f"km{first}", f"km{second}") for first in range(6) for second in range(first)
)
SEEDS: Final = 40
SETTINGS: Final = AdmissionSettings(inactivity_timeout=minutes(2), peer_timeout=seconds(20))
FOR_GOOD: Final = SETTINGS.inactivity_timeout * 2 + LATEST_DELIVERY + minutes(1)
CAPACITY: Final = RATE * 45 // 100  # half of the rate, less the margin
ELEMENTS: Final = (ADMISSION, ROUTING, CONTROLLER, MONITORING)


class Storm:
    """One seed: sessions come and go while messages are lost, links go dark and elements die."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(f"storm {seed}")
        self.plane = Plane(setup=setup_of(APPS, SETTINGS), metric=key_aware, seed=seed)
        self.plane.register()
        self.dark: set[str] = set()

    def blow(self) -> None:
        plane, dice = self.plane, self.dice
        plane.loss, plane.doubling = dice.choice((0, 0.05, 0.2)), dice.choice((0, 0.1, 0.3))
        plane.delay = milliseconds(dice.choice((0, 5, 200)))
        for _ in range(40):
            self._happen()
            plane.run(milliseconds(dice.choice((1, 20, 300, 2000))))
            self.check()

    def calm(self) -> None:
        plane = self.plane
        plane.loss = plane.doubling = 0.0
        plane.delay = milliseconds(0)
        self._revive()
        plane.run(FOR_GOOD)

    def check(self) -> None:
        """A1: what is reserved fits what the links make, at each instant, also right after a restart."""
        admission = self.plane.machines.get(ADMISSION)
        if isinstance(admission, Admission):
            ledger = admission.ledger
            assert all(ledger.reserved(link) <= CAPACITY for link in self.plane.links)
            live = {session.ksid for session in admission._registry.live()}
            assert all(live >= ledger.costs(link).keys() for link in self.plane.links)

    def _happen(self) -> None:
        what = self.dice.choice(("open", "open", "open", "open", "close", "link", "kill", "revive", "trust"))
        plane, dice = self.plane, self.dice
        if what == "open":
            of = dice.choice(APPS)
            for end in dice.sample((0, 1), 2)[: dice.choice((1, 2, 2, 2))]:
                plane.tell(ADMISSION, plane.request(of, end))
        elif what == "close":
            of = dice.choice(APPS)
            for ksid in list(plane.kms[of.ends[0].node].hops):
                hop = plane.kms[of.ends[0].node].hops[ksid]
                if hop.end is not None and hop.end.app == of.id:
                    plane.close(of, ksid)
        elif what == "link":
            link = dice.choice(STAR)
            self.dark ^= {link}
            plane.status(link, LinkStatus.OFF if link in self.dark else LinkStatus.ACTIVE)
        elif what == "kill":
            plane.stop(dice.choice(ELEMENTS))
        elif what == "revive":
            self._revive()
        else:
            plane.tell(
                CONTROLLER, SetNodeTrust(plane.kms[dice.choice(list(plane.kms))].node, trusted=dice.random() < 0.8)
            )

    def _revive(self) -> None:
        for element in ELEMENTS:
            if element not in self.plane.machines:
                self.plane.restart(element)


def closing_anyway(plane: Plane) -> None:
    """Sessions end by inactivity: nobody asks for keys here."""
    released = {over.ksid for over in plane.heard(SessionReleased)}
    assert {admitted.ksid for admitted in plane.heard(SessionAdmitted)} <= released


@invariant("S1")
@invariant("S3")
@invariant("A1")
@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_fails_when_in_the_end_nothing_is_reserved_anywhere(seed: int) -> None:
    storm = Storm(seed)
    storm.blow()
    storm.calm()
    plane = storm.plane
    storm.check()
    closing_anyway(plane)
    assert not plane.admission._registry.live()
    assert not [node for node, km in plane.kms.items() if km.hops]
    latest = {told.link: told.first for told in plane.messages(LinkReserved)}
    assert not any(latest.values())


def test_the_storms_do_something() -> None:
    admitted = moved = 0
    for seed in range(0, SEEDS, 4):
        storm = Storm(seed)
        storm.blow()
        admitted += len(storm.plane.heard(SessionAdmitted))
        moved += sum(one.epoch > 1 for one in storm.plane.heard(SessionAdmitted))
    assert admitted > 40
    assert moved > 3


@invariant("C4")
@pytest.mark.parametrize("seed", range(0, SEEDS, 4))
def test_no_admitted_route_has_a_loop(seed: int) -> None:
    storm = Storm(seed)
    storm.blow()
    for admitted in storm.plane.heard(SessionAdmitted):
        assert len(set(admitted.route.nodes)) == len(admitted.route.nodes) == admitted.route.hops + 1
