"""The effect `Perform` in virtual and in real time: what ports answer, when, to whom, and what becomes of failures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from keytwin.algorithms.marks import node_mark
from keytwin.runtime.kem import CIPHERTEXT_OCTETS, KemPort, MlKem768, stated
from keytwin.runtime.live import Live
from keytwin.runtime.notary import SeededNotary
from keytwin.runtime.ports import QUICKEST, SLOWEST
from keytwin.runtime.simulation import Simulation
from keytwin.service.conversation import discard
from keytwin.vocabulary.errors import WipedKey
from keytwin.vocabulary.identity import ElementName, Ksid, node_of
from keytwin.vocabulary.kem_messages import (
    ML_KEM_768,
    AgreementId,
    Decapsulate,
    Encapsulate,
    KeyPairMade,
    MakeKeyPair,
    SecretEncapsulated,
    SecretOpened,
)
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.machine import Effect, Message, Perform, PortFailed, Request, Save, Send
from keytwin.vocabulary.units import Instant, milliseconds, seconds
from tests.fakes.scripted import Scripted
from tests.fakes.store import MemoryStore
from tests.marks import invariant
from tests.runtime.words import HERE, THERE, Kept, Say, constant, first, network, numbers

LATER = Instant(seconds(1))
ID = AgreementId(Ksid("k"), 1, onward=True)
PAIR = Perform(ML_KEM_768, MakeKeyPair("pair", ID))


def octets(material: KeyMaterial) -> bytes:
    with material.exposed() as seen:
        return bytes(seen)


def mark(element: ElementName) -> bytes:
    return node_mark(ID.ksid, node_of(element))


def notary(element: ElementName) -> SeededNotary:
    return SeededNotary(node_of(element))


class End:
    """One end of an exchange: the first makes the key pair, the second encapsulates; each keeps its secret."""

    def __init__(self, peer: ElementName, *, begins: bool) -> None:
        self.secrets: list[KeyMaterial] = []
        self.failures: list[PortFailed] = []
        self._private, self._public = KeyMaterial(bytearray(1)), b""
        self._peer = peer
        self._begins = begins

    def restore(self, records: object, now: Instant) -> list[Effect]:
        del records, now
        return [PAIR] if self._begins else []

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        del now
        match message:
            case KeyPairMade(private=private, public=public, voucher=voucher):
                self._private, self._public = private, public
                return [Send(self._peer, Octets(public, voucher))]
            case Octets(octets=sent, voucher=voucher) if self._begins:
                opened = Decapsulate("open", ID, self._private, self._public, sent, voucher, mark(self._peer))
                return [Perform(ML_KEM_768, opened)]
            case Octets(octets=sent, voucher=voucher):
                return [Perform(ML_KEM_768, Encapsulate("wrap", ID, sent, voucher, mark(self._peer)))]
            case SecretEncapsulated(secret=secret, ciphertext=ciphertext, voucher=voucher):
                self.secrets.append(secret)
                return [Send(self._peer, Octets(ciphertext, voucher))]
            case SecretOpened(secret=secret):
                self.secrets.append(secret)
            case PortFailed():
                self.failures.append(message)
            case _:
                pytest.fail(f"an end does not take {type(message).__name__}")
        return []


class Octets(Message, frozen=True, gc=False):
    """What crosses the wire between the two ends."""

    octets: bytes
    voucher: bytes


class Broken:
    """A port that fails as it is told."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.asked: list[Request] = []

    def answer(self, request: Request) -> Message:
        self.asked.append(request)
        raise self._error


def ends() -> tuple[End, End]:
    return End(THERE, begins=True), End(HERE, begins=False)


def live(*machines: tuple[ElementName, Scripted | End], turns: int = 30) -> Callable[[Callable[[Live], None]], None]:
    """Run scripted elements on an event loop for some turns, and `body` before the first of them."""

    def run(body: Callable[[Live], None]) -> None:
        async def go() -> None:
            network = Live(MemoryStore(), lambda *_: None, lambda error: pytest.fail(str(error)))
            network.ports.install(ML_KEM_768, lambda element: KemPort(MlKem768(), notary(element)))
            for name, machine in machines:
                network.add(name, lambda machine=machine: machine)  # type: ignore[misc]  # mypy infers no default
            body(network)
            for _ in range(turns):
                await asyncio.sleep(0)

        asyncio.run(go())

    return run


# --- virtual time ---------------------------------------------------------------------------------------------------


def test_two_ends_in_simulation_come_to_one_secret() -> None:
    one, two = ends()
    network({HERE: one, THERE: two}).run(LATER)
    assert not one.failures + two.failures
    ((mine,), (yours,)) = one.secrets, two.secrets
    assert octets(mine) == octets(yours)


@invariant("P5")
def test_equal_seeds_give_equal_secrets_and_others_others() -> None:
    def secret(seed: int) -> bytes:
        one, two = ends()
        network({HERE: one, THERE: two}, seed=seed).run(LATER)
        return octets(one.secrets[0])

    assert secret(3) == secret(3)
    assert secret(3) != secret(4)


def test_a_port_takes_its_time_which_the_seed_decides() -> None:
    def arrivals(seed: int) -> Sequence[int]:
        here = first(*[PAIR] * 20)
        network({HERE: here}, seed=seed).run(LATER)
        return [at for at, _ in here.received]

    assert len(arrivals(1)) == 20
    assert all(QUICKEST <= at <= SLOWEST for at in arrivals(1))
    assert len(set(arrivals(1))) > 10
    assert arrivals(1) == arrivals(1) != arrivals(2)


def test_what_the_stand_in_draws_moves_nothing_else_of_its_element() -> None:
    def after(*effects: Effect) -> bytes:
        simulation = network({HERE: first(*effects)})
        simulation.run(LATER)
        return simulation.entropy(HERE).bytes(16)

    assert after() == after(PAIR, PAIR)


@invariant("K6")
def test_a_port_works_only_when_earlier_saves_are_durable() -> None:
    broken = Broken(ZeroDivisionError())
    simulation = network({HERE: Scripted(lambda *_: [Save(Kept(1)), PAIR])}, keep_records=True)
    simulation.ports.install(ML_KEM_768, lambda _: broken)
    simulation.loop.save_fails = lambda *_: True
    simulation.inject(LATER, HERE, Say(1))
    simulation.run(Instant(2 * LATER))
    assert not broken.asked


def test_an_incarnation_that_died_gets_no_answer_and_neither_does_the_next() -> None:
    broken = Broken(ZeroDivisionError())
    here = Scripted(lambda message, _: [PAIR] if isinstance(message, Say) else [])
    simulation = network({HERE: here}, keep_records=True)
    simulation.ports.install(ML_KEM_768, lambda _: broken)
    simulation.inject(Instant(0), HERE, Say(1))
    simulation.run(Instant(QUICKEST - 1))
    simulation.restart(HERE)
    simulation.run(LATER)
    assert [type(message) for _, message in here.received] == [Say]
    assert not broken.asked  # so there was nothing to wipe either
    assert simulation.loop.lost == 0


def test_one_that_stands_still_is_answered_when_it_goes_on() -> None:
    here = first(PAIR)
    simulation = network({HERE: here})
    simulation.loop.pause(simulation.hosts[HERE], milliseconds(700))
    simulation.run(LATER)
    ((at, answer),) = here.received
    assert at == Instant(milliseconds(700))
    assert isinstance(answer, KeyPairMade)


def test_a_refusal_comes_back_as_a_message() -> None:
    voucher = notary(THERE).vouch(stated(ID, bytes(7)))
    here = first(Perform(ML_KEM_768, Encapsulate("wrap", ID, bytes(7), voucher, mark(THERE))))
    simulation = network({HERE: here})
    simulation.run(LATER)
    ((_, answer),) = here.received
    assert answer == PortFailed("wrap", "KemRefused: a public key of ML-KEM-768 has 1184 octets, not 7")


def test_any_other_error_of_a_port_is_a_finding_in_simulation() -> None:
    private = KeyMaterial(bytearray(64))
    private.wipe()
    ciphertext = bytes(CIPHERTEXT_OCTETS)
    voucher = notary(THERE).vouch(stated(ID, b"public", ciphertext))
    opened = Decapsulate("open", ID, private, b"public", ciphertext, voucher, mark(THERE))
    simulation = network({HERE: first(Perform(ML_KEM_768, opened))})
    with pytest.raises(WipedKey) as caught:
        simulation.run(LATER)
    assert "seed 1" in caught.value.__notes__[0]


def test_a_port_that_nobody_installed_is_named() -> None:
    simulation = network({HERE: first(Perform("hsm", MakeKeyPair("pair", ID)))})
    with pytest.raises(LookupError, match=r"km/here wants something performed by hsm"):
        simulation.run(LATER)


def test_a_kem_is_asked_nothing_but_what_a_kem_does() -> None:
    simulation = network({HERE: first(Perform(ML_KEM_768, Request("what")))})
    with pytest.raises(TypeError, match="a KEM is not asked Request"):
        simulation.run(LATER)


def test_each_element_has_a_performer_of_its_own_until_another_is_installed() -> None:
    made: list[ElementName] = []

    def make(element: ElementName) -> Broken:
        made.append(element)
        return Broken(WipedKey("gone"))

    simulation = Simulation(1, constant)
    simulation.ports.install("hsm", make)
    for name in (HERE, THERE):
        for _ in range(2):
            with pytest.raises(WipedKey):
                simulation.ports.answer(name, Perform("hsm", MakeKeyPair("pair", ID)))
    assert made == [HERE, THERE]
    simulation.ports.install("hsm", make)
    with pytest.raises(WipedKey):
        simulation.ports.answer(HERE, Perform("hsm", MakeKeyPair("pair", ID)))
    assert made == [HERE, THERE, HERE]


# --- real time ------------------------------------------------------------------------------------------------------


def test_two_ends_of_a_live_network_come_to_one_secret_of_the_real_mechanism() -> None:
    one, two = ends()
    live((HERE, one), (THERE, two))(Live.start)
    assert not one.failures + two.failures
    ((mine,), (yours,)) = one.secrets, two.secrets
    assert octets(mine) == octets(yours)


def test_what_else_a_live_machine_wants_done_comes_before_the_answer() -> None:
    here = Scripted(first=[PAIR, Send(HERE, Say(1))])
    live((HERE, here))(Live.start)
    assert [type(message) for _, message in here.received] == [Say, KeyPairMade]


@invariant("K6")
def test_a_live_port_works_only_when_earlier_saves_are_durable() -> None:
    here = first(Save(Kept(1)), PAIR)

    def body(network: Live) -> None:
        network.start()
        network.stop(HERE)

    live((HERE, here))(body)
    assert not here.received


def test_whoever_was_restarted_meanwhile_gets_no_answer_of_before() -> None:
    here = Scripted(lambda message, _: [PAIR] if isinstance(message, Say) else [])

    def body(network: Live) -> None:
        network.start()
        network.post(HERE, Say(1))
        network.restart(HERE)

    live((HERE, here))(body)
    assert numbers(here) == [1]
    assert len(here.received) == 1


@pytest.mark.parametrize(
    ("error", "reason"), [(OSError("token 17 is out, PIN 1234"), "OSError"), (WipedKey("gone"), "WipedKey")]
)
def test_whatever_a_live_port_raises_is_told_without_what_a_foreign_error_says(
    error: Exception, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    here = first(PAIR)

    def body(network: Live) -> None:
        network.ports.install(ML_KEM_768, lambda _: Broken(error))
        network.start()

    live((HERE, here))(body)
    assert [message for _, message in here.received] == [PortFailed("pair", reason)]
    assert f"the port {ML_KEM_768} failed: {reason}" in caplog.text
    assert "1234" not in caplog.text


def test_answers_that_find_nobody_are_wiped() -> None:
    materials = [KeyMaterial(bytearray(b"\x07" * 32)) for _ in range(3)]
    discard(KeyPairMade("a", materials[0], b"", b""))
    discard(SecretEncapsulated("b", materials[1], b"", b""))
    discard(SecretOpened("c", materials[2]))
    assert all(material.is_wiped for material in materials)
