"""Sessions whose keys are made of a post-quantum secret, over a row of key managers: both ends agree, or neither."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from keytwin.keymanagement.fallback import FALLBACK_AFTER, FallbackKept
from keytwin.keymanagement.generations import Generations
from keytwin.keymanagement.hybrid import KEM
from keytwin.keymanagement.snapshot import shorten
from keytwin.runtime.entropy import SeededEntropy
from keytwin.runtime.kem import SeededKem, stated
from keytwin.runtime.notary import SeededNotary
from keytwin.vocabulary.blueprint import Relay
from keytwin.vocabulary.events import FallbackBegun, FallbackOver, KeysRelayed, SecretRefused, ViolationSeen
from keytwin.vocabulary.exchange_messages import (
    AnswerCiphertext,
    AssignKeys,
    KeyRefused,
    NameKeys,
    OfferPublicKey,
    RelayKeys,
)
from keytwin.vocabulary.identity import ElementName, km_of, twin_of
from keytwin.vocabulary.kem_messages import AgreementId
from keytwin.vocabulary.key import Fallback, KeyMode, Method, Provenance
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Bits, Duration, Instant, milliseconds, minutes, seconds
from tests.fakes.control import KSID
from tests.keymanagement.bench import FIRST, KEY_MANAGEMENT, SECOND, Row, octets_of
from tests.marks import invariant

HYBRID = (KeyMode.HYBRID_XOR, KeyMode.HYBRID_CATKDF)
MIXED = (*HYBRID, KeyMode.PQC_ONLY)
each_mode = pytest.mark.parametrize("mode", MIXED)
each_hybrid = pytest.mark.parametrize("mode", HYBRID)


def row_of(mode: KeyMode, fallback: Fallback = Fallback.NONE, hops: int = 1, **more: object) -> Row:
    return Row(hops=hops, control={"mode": mode, "fallback": fallback}, **more)  # type: ignore[arg-type]  # its fields


def opened(row: Row) -> Row:
    row.open()
    row.run(seconds(4))
    assert row.is_open()
    return row


def heard(row: Row, *kinds: type[Message]) -> list[Message]:
    """Listen to what is said from now on."""
    said: list[Message] = []
    row.simulation.wires.tap(lambda *what: said.append(what[-1]) if isinstance(what[-1], kinds) else None)
    return said


def origin(row: Row, name: str) -> Provenance:
    """Return what both ends were told of a key, which must be the same."""
    (ours,), (theirs,) = row.given(FIRST, name), row.given(SECOND, f"{name}/slave")
    assert ours.provenance == theirs.provenance
    return ours.provenance


@invariant("K2")
@pytest.mark.parametrize(
    ("mode", "hops"),
    [*((mode, 1) for mode in MIXED), (KeyMode.HYBRID_XOR, 2), (KeyMode.HYBRID_CATKDF, 3), (KeyMode.PQC_ONLY, 3)],
)
def test_both_ends_get_the_same_keys(mode: KeyMode, hops: int) -> None:
    row = opened(row_of(mode, hops=hops))
    assert row.pair(FIRST, "a")
    assert row.pair(SECOND, "b", number=5)
    assert row.pair(FIRST, "c", number=2, size=Bits(512))
    row.assert_unharmed()


@invariant("K2")
@each_hybrid
def test_so_they_do_where_nodes_between_announce_the_way(mode: KeyMode) -> None:
    announced = replace(KEY_MANAGEMENT, relay=Relay.XOR_ANNOUNCED)
    row = opened(row_of(mode, hops=3, key_management=announced))
    assert row.pair(FIRST, "a", number=3)
    row.assert_unharmed()


@each_hybrid
@pytest.mark.parametrize(("hops", "method"), [(1, Method.ADJACENT), (2, Method.RELAYED)])
def test_a_keys_origin_says_how_its_quantum_part_came_and_what_it_was_combined_with(
    mode: KeyMode, hops: int, method: Method
) -> None:
    row = opened(row_of(mode, hops=hops))
    row.pair(FIRST, "a")
    assert origin(row, "a") == Provenance(method, hops, 1, mode, KEM, 1)


@each_hybrid
def test_no_key_is_what_the_link_or_the_relay_carried(mode: KeyMode) -> None:
    """The same seed without a secret gives the quantum keys: what is handed out has nothing to do with them."""
    plain, mixed = opened(row_of(KeyMode.QKD_ONLY)), opened(row_of(mode))
    for row in (plain, mixed):
        row.ask(FIRST, "a", 20)
        row.wait(seconds(2))
    bare = {octets_of(key) for key in plain.given(FIRST, "a")}
    assert bare.isdisjoint(octets_of(key) for key in mixed.given(FIRST, "a"))


def test_keys_without_quantum_key_take_nothing_of_any_link() -> None:
    row = row_of(KeyMode.PQC_ONLY, hops=2)
    said = heard(row, RelayKeys, AssignKeys)
    opened(row)
    assert row.pair(FIRST, "a", number=9)
    assert said == []
    assert not row.published(KeysRelayed)
    assert all(account.delivered == 0 for km in row.kms() for account in km.link_accounts())
    row.ask(FIRST, "b")
    row.wait(seconds(1))
    (key,) = row.given(FIRST, "b")
    assert key.provenance == Provenance(Method.AGREED, 0, 1, KeyMode.PQC_ONLY, KEM, 1)


def test_they_need_no_quantum_layer() -> None:
    row = row_of(KeyMode.PQC_ONLY)
    for link in row.links:
        row.simulation.stop(twin_of(link))
    assert opened(row).pair(FIRST, "a")


@invariant("K2")
@each_mode
def test_a_secret_is_replaced_while_keys_go_on(mode: KeyMode) -> None:
    row = row_of(mode, hops=2, key_management=replace(KEY_MANAGEMENT, generation=300))
    said = heard(row, OfferPublicKey)
    opened(row)
    for number in range(8):
        assert row.pair(FIRST, f"a{number}", number=60)
    assert len({offer.generation for offer in said if isinstance(offer, OfferPublicKey) and offer.onward}) >= 3
    generations = {key.provenance.generation for number in range(8) for key in row.given(FIRST, f"a{number}")}
    assert len(generations) >= 2
    row.assert_unharmed()


# --- restarts ---------------------------------------------------------------------------------------------------------


@invariant("K2")
@pytest.mark.parametrize(
    ("mode", "victim"),
    [(KeyMode.HYBRID_XOR, 0), (KeyMode.HYBRID_CATKDF, 1), (KeyMode.HYBRID_CATKDF, 2), (KeyMode.PQC_ONLY, 2)],
)
def test_after_the_death_of_any_key_manager_secrets_are_agreed_anew(mode: KeyMode, victim: int) -> None:
    row = opened(row_of(mode, hops=2))
    assert row.pair(FIRST, "a", number=3)
    row.simulation.stop(km_of(row.nodes[victim]))
    row.wait(milliseconds(300))
    row.restart(victim)
    row.wait(seconds(20))
    assert row.pair(FIRST, "b", number=30)
    assert row.pair(SECOND, "c", number=30)
    row.pads.close()
    row.assert_books_close()


@invariant("K5")
@each_mode
def test_no_secret_is_ever_written(mode: KeyMode) -> None:
    row = opened(row_of(mode))
    secrets = []
    for km in row.kms():
        held = [own.generation for own in km.generations.own.values() if own.generation]
        for generation in (*held, *(each for kept in km.generations.theirs.values() for each in kept.values())):
            with generation.secret.inspected() as octets:
                secrets.append(bytes(octets))
    assert len(secrets) == 4
    disks = [host.disk.durable for host in row.simulation.hosts.values()]
    written = b"".join(record for disk in disks for record in disk)
    assert written
    assert not any(secret in written for secret in secrets)


@invariant("S1")
@each_mode
def test_nothing_of_a_secret_outlives_its_session(mode: KeyMode) -> None:
    row = opened(row_of(mode, hops=2))
    row.close(FIRST)
    row.wait(seconds(30))
    row.assert_drained()


# --- what is altered on the way ---------------------------------------------------------------------------------------


def altered(row: Row, kind: type[Message], change: Callable[[Message], Message], until: Duration) -> list[Message]:
    """Alter each message of a kind until then."""
    done: list[Message] = []

    def tamper(at: Instant, source: ElementName, to: ElementName, message: Message) -> Message:
        del source, to
        if not isinstance(message, kind) or at > until:
            return message
        done.append(message)
        return change(message)

    row.simulation.wires.tamper(tamper)
    return done


def spoil_generation(message: Message) -> Message:
    assert isinstance(message, AssignKeys | NameKeys)
    return replace(message, generation=message.generation + 1)


def spoil_proof(message: Message) -> Message:
    assert isinstance(message, AssignKeys | NameKeys)
    return replace(message, proof=bytes(len(message.proof)))


def spoil_ciphertext(message: Message) -> Message:
    assert isinstance(message, AnswerCiphertext)
    return replace(message, ciphertext=message.ciphertext[:-1] + bytes([message.ciphertext[-1] ^ 1]))


def drop_generation(message: Message) -> Message:
    """Pretend that these keys are not combined with anything."""
    assert isinstance(message, AssignKeys)
    return replace(message, generation=0, proof=b"")


@invariant("K2")
@pytest.mark.parametrize(
    ("mode", "kind", "change"),
    [
        (KeyMode.HYBRID_XOR, AssignKeys, spoil_generation),
        (KeyMode.HYBRID_CATKDF, AssignKeys, spoil_proof),
        (KeyMode.HYBRID_CATKDF, AssignKeys, drop_generation),
        (KeyMode.HYBRID_CATKDF, AnswerCiphertext, spoil_ciphertext),
        (KeyMode.PQC_ONLY, NameKeys, spoil_generation),
        (KeyMode.PQC_ONLY, NameKeys, spoil_proof),
        (KeyMode.PQC_ONLY, AnswerCiphertext, spoil_ciphertext),
    ],
)
def test_a_wrong_secret_makes_no_key_at_either_end(
    mode: KeyMode, kind: type[Message], change: Callable[[Message], Message]
) -> None:
    row = row_of(mode)
    done = altered(row, kind, change, seconds(6))
    opened(row)
    assert done
    assert all(not km.books.stored for km in row.kms())
    assert row.published(SecretRefused)
    row.run(seconds(60))
    assert row.pair(FIRST, "a", number=3)
    assert row.pair(SECOND, "b", number=3)
    row.assert_books_close()


@invariant("K2")
@each_mode
def test_a_node_between_that_speaks_for_the_ends_gets_a_secret_with_neither(mode: KeyMode) -> None:
    """It has a name of its own, all that it carries, and lacks the ends' vouchers: keys come when it has gone."""
    row = row_of(mode, hops=2)
    first, between, second = row.nodes
    kem, notary = SeededKem(SeededEntropy(bytes(32))), SeededNotary(between)
    answers: list[AnswerCiphertext] = []

    def speak(at: Instant, source: ElementName, to: ElementName, message: Message) -> Message:
        if not isinstance(message, OfferPublicKey):
            return message
        agreement = AgreementId(message.ksid, message.generation, message.onward)
        if to == km_of(between):  # to the end that offers: a secret of one's own
            _, ciphertext = kem.encapsulate(message.public)
            voucher = notary.vouch(stated(agreement, message.public, ciphertext))
            told = (message.epoch, not message.onward, message.generation, ciphertext, voucher)
            answers.append(AnswerCiphertext(between, message.ksid, *told))
            row.simulation.inject(Instant(at + milliseconds(1)), source, answers[-1])
            return message
        _, public = kem.generate()  # to the other end: a public key of one's own
        return replace(message, public=public, voucher=notary.vouch(stated(agreement, public)))

    row.simulation.wires.tamper(speak)
    opened(row)
    assert {answer.onward for answer in answers} == {True, False}
    doubts = row.published(SecretRefused)
    assert len(doubts) > len(answers)  # answers at the one end, and offers at the other
    assert {(doubt.node, doubt.number) for doubt in doubts} == {(first, 0), (second, 0)}
    assert all(not km.books.stored and not km.generations.theirs for km in row.kms())
    row.simulation.wires.tamper(None)
    row.run(seconds(120))
    assert row.pair(FIRST, "a", number=3)
    assert row.pair(SECOND, "b", number=3)
    row.assert_books_close()


@invariant("R1")
def test_keys_without_quantum_key_are_refused_where_nobody_has_allowed_them() -> None:
    row = opened(row_of(KeyMode.HYBRID_CATKDF))
    named = NameKeys(
        row.nodes[0], KSID, 1, onward=True, batch_id="b", key_size=Bits(256), key_ids=(), generation=1, proof=b""
    )
    row.tell(km_of(row.nodes[1]), replace(named, key_ids=("00000000-0000-4000-8000-000000000001",)))
    row.wait(seconds(1))
    (seen,) = row.published(ViolationSeen)
    assert "nobody has allowed" in seen.about


def test_a_session_without_a_secret_makes_no_keys_rather_than_lesser_ones() -> None:
    row = row_of(KeyMode.HYBRID_CATKDF)
    row.simulation.wires.tamper(lambda *what: None if isinstance(what[-1], OfferPublicKey) else what[-1])
    opened(row)
    row.ask(FIRST, "a", wait=seconds(2))
    row.run(minutes(2))
    refused = row.answer(FIRST, "a")
    assert isinstance(refused, KeyRefused)
    assert refused.reason is Reason.KEY_UNAVAILABLE
    row.simulation.wires.tamper(None)
    row.run(minutes(3))
    assert row.pair(FIRST, "b")


# --- falling back -----------------------------------------------------------------------------------------------------


def dark(row: Row) -> None:
    """Let the light go out and every key that is left be used up."""
    for link in row.links:
        row.simulation.stop(twin_of(link))
    for number in range(400):
        row.ask(FIRST, f"drain {number}", 100)
        row.ask(SECOND, f"drain too {number}", 100)
        row.wait(milliseconds(250))
        if row.published(FallbackBegun):
            return


def small(mode: KeyMode, fallback: Fallback) -> Row:
    scarce = replace(KEY_MANAGEMENT, store=Bits(120_000))
    return opened(row_of(mode, fallback, key_management=scarce, block=Bits(20_000)))


@pytest.mark.parametrize("mode", [KeyMode.QKD_ONLY, *HYBRID])
def test_a_session_that_may_falls_back_when_there_is_no_quantum_key_left_and_says_so(mode: KeyMode) -> None:
    row = small(mode, Fallback.PQC_ONLY)
    row.pair(FIRST, "before")
    assert origin(row, "before").mode is mode
    dark(row)
    row.wait(FALLBACK_AFTER)
    begun = row.published(FallbackBegun)
    assert {(told.mode, told.fallback) for told in begun} == {(mode.value, "pqc-only")}
    assert row.pair(FIRST, "after")
    assert origin(row, "after").mode is KeyMode.PQC_ONLY
    assert len(row.published(FallbackBegun)) == len({told.node for told in row.published(FallbackBegun)})
    row.assert_books_close()


def test_it_goes_back_with_the_first_quantum_key() -> None:
    row = small(KeyMode.HYBRID_CATKDF, Fallback.PQC_ONLY)
    dark(row)
    row.wait(FALLBACK_AFTER)
    assert row.pair(FIRST, "dark")
    for link in row.links:
        row.simulation.restart(twin_of(link))
    row.wait(minutes(2))
    began, over = row.published(FallbackBegun), row.published(FallbackOver)
    assert {told.node for told in began} == {told.node for told in over}
    for number in range(6):  # what was made in the dark goes first
        assert row.pair(FIRST, f"light {number}", number=60)
    (*_, last) = row.given(FIRST, "light 5")
    assert last.provenance.mode is KeyMode.HYBRID_CATKDF
    row.assert_books_close()


def test_it_is_still_fallen_back_after_a_restart_and_does_not_say_so_twice() -> None:
    row = small(KeyMode.HYBRID_XOR, Fallback.PQC_ONLY)
    dark(row)
    row.wait(FALLBACK_AFTER)
    begun = [told for told in row.published(FallbackBegun) if told.node == row.nodes[0]]
    row.simulation.stop(km_of(row.nodes[0]))
    row.restart(0)
    row.wait(seconds(20))
    assert [told for told in row.published(FallbackBegun) if told.node == row.nodes[0]] == begun
    assert row.pair(FIRST, "a")
    assert origin(row, "a").mode is KeyMode.PQC_ONLY


@invariant("O1")
def test_a_snapshot_of_the_journal_keeps_that_it_has_fallen_back_and_no_longer_than_that() -> None:
    row = small(KeyMode.HYBRID_XOR, Fallback.PQC_ONLY)
    dark(row)
    row.wait(FALLBACK_AFTER)
    assert [kept.is_on for kept in snapshot(row)] == [True]
    for link in row.links:
        row.simulation.restart(twin_of(link))
    row.wait(minutes(1))
    assert row.published(FallbackOver)
    assert snapshot(row) == []


def snapshot(row: Row) -> list[FallbackKept]:
    """Return what a snapshot of the first key manager's records says of falling back."""
    fallen = row.nodes.index(row.published(FallbackBegun)[0].node)
    records = row.simulation.hosts[km_of(row.nodes[fallen])].disk.records()
    return [kept for kept in shorten(row.fresh(fallen), records) if isinstance(kept, FallbackKept)]


@pytest.mark.parametrize("mode", [KeyMode.QKD_ONLY, KeyMode.HYBRID_CATKDF])
def test_where_it_is_not_allowed_nothing_but_refusals_comes_in_the_dark(mode: KeyMode) -> None:
    row = small(mode, Fallback.NONE)
    dark(row)
    row.wait(FALLBACK_AFTER)
    for number in range(100):  # what is left of the pool
        row.ask(FIRST, f"a{number}", wait=milliseconds(100))
        row.wait(milliseconds(200))
    assert isinstance(row.answer(FIRST, "a99"), KeyRefused)
    assert not row.published(FallbackBegun)


@invariant("Z7")
def test_the_audit_keeps_when_keys_were_made_without_quantum_key() -> None:
    row = small(KeyMode.HYBRID_CATKDF, Fallback.PQC_ONLY)
    dark(row)
    row.wait(FALLBACK_AFTER)
    fallen = next(iter(row.published(FallbackBegun))).node
    written = b"".join(row.simulation.hosts[km_of(fallen)].disk.durable)
    assert b"FallbackKept" in written


def test_the_way_of_secrets_is_remembered_by_nobody_between() -> None:
    row = opened(row_of(KeyMode.HYBRID_CATKDF, hops=2))
    between = row.km(1).generations
    assert isinstance(between, Generations)
    assert not between.own
    assert not between.theirs
