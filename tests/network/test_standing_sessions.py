"""Standing sessions against the whole network: open without a word, back after every end, found again by a restart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

import pytest
from msgspec.structs import replace

from keytwin.files.network import read_network
from keytwin.network import Plugins, elements, latency_of, standing
from keytwin.runtime.simulation import Simulation
from keytwin.service.standing import Phase, Standing
from keytwin.vocabulary.blueprint import AdmissionSettings, Blueprint
from keytwin.vocabulary.events import SessionAdmitted, SessionRejected, SessionRequested, ViolationSeen
from keytwin.vocabulary.exchange_messages import (
    GetKey,
    GetKeyById,
    GetPoolStatus,
    KeyDelivered,
    KeyRefused,
    PoolStatus,
    PoolUnknown,
)
from keytwin.vocabulary.identity import ADMISSION, ElementName, Ksid, NodeId, SaeId, km_of, sae_element
from keytwin.vocabulary.machine import Event, Message
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Duration, Instant, minutes, seconds
from tests.fakes.scripted import Scripted
from tests.keymanagement.bench import octets_of
from tests.marks import clause

FACE = ElementName("sae/face")  # named so, its messages are not lost
ALICE, BOB, PROBE = SaeId("app01-a"), SaeId("app01-b"), SaeId("probe")
SAES = (PROBE, ALICE, BOB)
KM0 = km_of(NodeId("km0"))


@cache
def pair() -> Blueprint:
    return read_network("selfpair")


@dataclass
class Live:
    """The example `selfpair` on the simulation, its SAEs outside, with somebody at the face who asks."""

    blueprint: Blueprint = field(default_factory=pair)
    face: Scripted = field(default_factory=Scripted)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.simulation = Simulation(1, latency_of(self.blueprint), keep_records=True)
        for name, make in elements(self.blueprint, self.simulation, Plugins(), customers=standing).items():
            self.simulation.add(name, make)
        self.simulation.add(FACE, lambda: self.face)
        self.simulation.subscribe(lambda *what: self.events.append(what[-1]))
        self.simulation.start()

    def wait(self, span: Duration) -> None:
        self.simulation.run(Instant(self.simulation.now + span))

    def ask(self, element: ElementName, message: Message) -> Message:
        """Ask and wait for the answer."""
        before = len(self.face.received)
        self.simulation.inject(self.simulation.now, element, message)
        self.wait(seconds(3))
        ((_, answer),) = self.face.received[before:]
        return answer

    def status(self, master: SaeId, slave: SaeId) -> Message:
        return self.ask(sae_element(master), GetPoolStatus("s", FACE, master, slave))

    def keys(self, master: SaeId, slave: SaeId, number: int = 2) -> tuple[str, ...]:
        """Get keys and fetch them as the face does it, and return their identifiers."""
        nodes = {end.sae: end.node for app in self.blueprint.apps for end in app.ends}
        status = self.status(master, slave)
        assert isinstance(status, PoolStatus), status
        asked = GetKey("k", FACE, status.ksid, master, number, None, seconds(2))
        given = self.ask(km_of(nodes[master]), asked)
        assert isinstance(given, KeyDelivered), given
        key_ids = tuple(key.key_id for key in given.keys)
        fetched = self.ask(km_of(nodes[slave]), GetKeyById("f", FACE, slave, key_ids, master))
        assert isinstance(fetched, KeyDelivered), fetched
        assert [octets_of(key) for key in fetched.keys] == [octets_of(key) for key in given.keys]
        return key_ids

    def sessions(self) -> dict[SaeId, Ksid | None]:
        """Return the session of each SAE, where it is open."""
        found = {}
        for sae in SAES:
            machine = self.simulation.machine(sae_element(sae))
            assert isinstance(machine, Standing)
            (session,) = machine.sessions.values()
            found[sae] = session.ksid if session.state is Phase.OPEN else None
        return found

    def published(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def assert_unharmed(self) -> None:
        assert not self.published(ViolationSeen)
        assert not self.published(SessionRejected)


def running(blueprint: Blueprint | None = None) -> Live:
    live = Live(blueprint or pair())
    live.wait(seconds(5))
    assert all(live.sessions().values())
    return live


def impatient(timeout: Duration) -> Blueprint:
    control = replace(pair().control, admission=AdmissionSettings(inactivity_timeout=timeout))
    return replace(pair(), control=control)


def restarted(elements_: Iterable[ElementName], live: Live) -> None:
    for element in elements_:
        live.simulation.restart(element)


@clause("ETSI GS QKD 014 V1.1.1", "5.3")
def test_keys_are_had_from_either_end_without_a_word_about_sessions() -> None:
    live = running()
    assert live.keys(ALICE, BOB)
    assert live.keys(BOB, ALICE)
    assert live.keys(PROBE, PROBE)
    live.assert_unharmed()


@clause("ETSI GS QKD 014 V1.1.1", "5.2")
def test_status_says_whose_the_two_ends_are() -> None:
    live = running()
    ends = [live.status(master, slave) for master, slave in ((ALICE, BOB), (BOB, ALICE), (PROBE, PROBE))]
    named = [(status.source, status.target) for status in ends if isinstance(status, PoolStatus)]
    assert named == [("km0", "km1"), ("km1", "km0"), ("km0", "km0")]
    assert isinstance(live.status(ALICE, PROBE), PoolUnknown)


def test_a_restart_of_the_sae_finds_its_session_again() -> None:
    live = running()
    before, opened = live.sessions(), len(live.published(SessionRequested))
    restarted(map(sae_element, SAES), live)
    live.wait(seconds(1))
    assert live.sessions() == before
    assert len(live.published(SessionRequested)) == opened
    assert live.keys(ALICE, BOB)
    assert live.keys(PROBE, PROBE)


@pytest.mark.parametrize("with_saes", [False, True])
def test_a_restart_of_everything_finds_every_session_again(with_saes: bool) -> None:  # noqa: FBT001  # a case of the test
    live = running()
    live.keys(PROBE, PROBE)
    before = live.sessions()
    customers = map(sae_element, SAES) if with_saes else ()
    restarted((ADMISSION, KM0, km_of(NodeId("km1")), *customers), live)
    live.wait(seconds(30))
    assert live.sessions() == before
    assert live.keys(ALICE, BOB)
    assert live.keys(PROBE, PROBE)
    assert len(live.published(SessionAdmitted)) == 1
    live.assert_unharmed()


def test_an_idle_network_keeps_its_sessions_ready_and_does_not_churn() -> None:
    live = running(impatient(minutes(1)))
    first = live.sessions()
    live.wait(minutes(10))
    after_a_while = live.sessions()
    assert all(after_a_while.values())
    assert after_a_while[PROBE] == first[PROBE]
    # At most one session an inactivity time-out, and not one was refused on the way.
    assert 2 <= len(live.published(SessionAdmitted)) <= 11
    live.assert_unharmed()
    assert live.keys(BOB, ALICE)


def test_a_session_in_use_stays() -> None:
    live = running(impatient(minutes(1)))
    before = live.sessions()
    for _ in range(8):
        live.wait(seconds(20))
        assert live.keys(ALICE, BOB, number=1)
    assert live.sessions() == before


def test_while_its_key_manager_is_dead_nobody_waits_for_ever() -> None:
    live = running()
    live.simulation.stop(KM0)
    live.wait(minutes(3))
    told = live.status(ALICE, BOB)
    assert isinstance(told, KeyRefused)
    assert told.reason is Reason.UNAVAILABLE
    assert 0 < told.retry_after <= minutes(1)
    live.simulation.restart(KM0)
    live.wait(minutes(3))
    assert all(live.sessions().values())
    assert live.keys(ALICE, BOB)
    assert live.keys(PROBE, PROBE)
