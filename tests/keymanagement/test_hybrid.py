"""What keys of a post-quantum secret are made of: each of its own name, as the standard's text says, and provable."""

from __future__ import annotations

import hashlib
import hmac

import msgspec
import pytest
from msgspec.structs import replace

from keytwin.keymanagement.hybrid import (
    KEM,
    PROOF_OCTETS,
    Generation,
    Mix,
    Purpose,
    mixed,
    numbered,
    stamped,
)
from keytwin.vocabulary.exchange_messages import AssignKeys, NameKeys
from keytwin.vocabulary.identity import KeyId, Ksid
from keytwin.vocabulary.key import (
    Fallback,
    KeyMaterial,
    KeyMode,
    Method,
    Provenance,
    is_secret_agreed,
    may_lack_quantum_key,
)
from keytwin.vocabulary.units import Bits
from tests.keymanagement.parts import AB, KSID, A, key_ids, relay_keys
from tests.marks import clause, invariant

QUANTUM = bytes(range(32))
SECRET = bytes(range(100, 132))
PUBLIC, CIPHERTEXT = b"public" * 100, b"ciphertext" * 50
HYBRID = (KeyMode.HYBRID_XOR, KeyMode.HYBRID_CATKDF)


def generation(number: int = 1, secret: bytes = SECRET) -> Generation:
    return Generation(number, PUBLIC, CIPHERTEXT, KeyMaterial(bytearray(secret)))


def purpose(mode: KeyMode = KeyMode.HYBRID_CATKDF, *, onward: bool = True) -> Purpose:
    return Purpose(mode, KSID, onward)


def quantum(*names: str) -> dict[KeyId, KeyMaterial]:
    return {key_id: KeyMaterial(bytearray(QUANTUM)) for key_id in key_ids(*names)}


def octets(material: KeyMaterial) -> bytes:
    with material.exposed() as seen:
        return bytes(seen)


def assigned(**changed: object) -> AssignKeys:
    names = key_ids("a", "b")
    told = AssignKeys(A, AB, 1, 64, 0, KSID, 1, onward=True, batch_id="batch", key_size=Bits(256), key_ids=names)
    return replace(told, **changed)


def by_hand(secret: bytes, label: bytes, key_id: bytes) -> bytes:
    """Derive one key as RFC 5869 and TS 103 744 are read, without a line of the product."""
    parts = (msgspec.msgpack.encode((KSID, True)), PUBLIC + key_id, CIPHERTEXT)
    bound = hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()
    extracted = hmac.digest(label, secret, "sha256")
    return hmac.digest(extracted, bound + b"\x01", "sha256")


@clause("ETSI TS 103 744", "CatKDF")
def test_catkdf_takes_the_quantum_key_as_psk_and_the_other_secret_behind_it() -> None:
    (made,) = generation().combine(purpose(), quantum("k")).values()
    assert octets(made) == by_hand(QUANTUM + SECRET, b"keytwin 1 hybrid-catkdf", b"k")


def test_xor_hides_the_quantum_key_behind_a_stream_of_the_keys_own() -> None:
    (made,) = generation().combine(purpose(KeyMode.HYBRID_XOR), quantum("k")).values()
    stream = by_hand(SECRET, b"keytwin 1 hybrid-xor", b"k")
    assert octets(made) == bytes(left ^ right for left, right in zip(QUANTUM, stream, strict=True))


def test_without_quantum_key_a_key_is_derived_from_the_secret_alone() -> None:
    (made,) = generation().derive(purpose(KeyMode.PQC_ONLY), Bits(256), key_ids("k")).values()
    assert octets(made) == by_hand(SECRET, b"keytwin 1 pqc-only", b"k")


@invariant("K1")
@pytest.mark.parametrize("mode", HYBRID)
def test_no_two_keys_of_one_secret_have_anything_in_common(mode: KeyMode) -> None:
    one = generation().combine(purpose(mode), quantum("a", "b"))
    other = generation().combine(purpose(mode, onward=False), quantum("a"))
    elsewhere = generation().combine(Purpose(mode, Ksid("another"), onward=True), quantum("a"))
    made = [octets(material) for keys in (one, other, elsewhere) for material in keys.values()]
    assert len(set(made)) == 4


@invariant("K2")
@pytest.mark.parametrize("mode", HYBRID)
def test_both_ends_combine_to_the_same(mode: KeyMode) -> None:
    ours = generation().combine(purpose(mode), quantum("a", "b"))
    theirs = generation().copy().combine(purpose(mode), quantum("a", "b"))
    assert [octets(each) for each in ours.values()] == [octets(each) for each in theirs.values()]
    assert list(ours) == list(theirs) == list(key_ids("a", "b"))


@pytest.mark.parametrize("mode", HYBRID)
@pytest.mark.parametrize("size", [Bits(8), Bits(128), Bits(512), Bits(65_280)])
def test_a_combined_key_is_as_long_as_the_quantum_key(mode: KeyMode, size: Bits) -> None:
    keys = {KeyId("k"): KeyMaterial(bytearray(size // 8))}
    (made,) = generation().combine(purpose(mode), keys).values()
    assert made.size == size


@invariant("K5")
@pytest.mark.parametrize("mode", HYBRID)
def test_the_quantum_key_is_wiped_where_it_has_gone_into_another(mode: KeyMode) -> None:
    keys = quantum("a", "b")
    generation().combine(purpose(mode), keys)
    assert all(material.is_wiped for material in keys.values())


def test_a_batch_uses_its_copy_of_the_secret_up_and_leaves_the_sessions_own() -> None:
    own = generation()
    mix = Mix(purpose(), own.copy())
    mixed(mix, quantum("a"))
    assert mix.generation.secret.is_wiped
    assert not own.secret.is_wiped
    own.wipe()
    assert own.secret.is_wiped


def test_without_a_secret_keys_and_messages_stay_as_they_are() -> None:
    keys, told = quantum("a"), assigned()
    assert mixed(None, keys) is keys
    assert numbered(None, told) is told


# --- proofs -----------------------------------------------------------------------------------------------------------


def test_a_proof_holds_for_the_same_secret_and_for_no_other() -> None:
    for told in (assigned(), relay_keys()):
        proven = generation(7).proven(told)
        assert (proven.generation, len(proven.proof)) == (7, PROOF_OCTETS)
        assert generation(7).proves(proven)
        assert not generation(7, secret=bytes(32)).proves(proven)
        assert not replace_public(generation(7)).proves(proven)


def replace_public(own: Generation) -> Generation:
    return Generation(own.number, PUBLIC + b"!", own.ciphertext, own.secret)


@invariant("K2")
@pytest.mark.parametrize(
    "changed",
    [
        {"generation": 2},
        {"batch_id": "other"},
        {"key_size": Bits(128)},
        {"key_ids": key_ids("b", "a")},
        {"offset": 65},
        {"link": "a--c"},
        {"onward": False},
        {"ksid": "other"},
        {"proof": b""},
        {"proof": bytes(PROOF_OCTETS)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_message_without_a_tag_of_its_own_is_held_to_the_proof(changed: dict[str, object]) -> None:
    assert not generation().proves(replace(generation().proven(assigned()), **changed))


def test_what_changes_from_hop_to_hop_is_not_proven() -> None:
    """The one-time tag of each hop covers it."""
    proven = generation().proven(relay_keys())
    assert generation().proves(replace(proven, sender="b", link="b--c", offset=5, hops_left=3, ciphertext=b"c"))


def test_one_kind_of_message_proves_nothing_of_another() -> None:
    told = relay_keys()
    named = NameKeys(A, KSID, 1, told.onward, told.batch_id, told.key_size, told.key_ids, generation=1, proof=b"")
    proof = generation().proven(told).proof
    assert not generation().proves(replace(named, proof=proof))


# --- what is allowed, and what is told --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "fallback", "allowed"),
    [
        (KeyMode.QKD_ONLY, Fallback.NONE, (False, False)),
        (KeyMode.QKD_ONLY, Fallback.PQC_ONLY, (True, True)),
        (KeyMode.HYBRID_XOR, Fallback.NONE, (True, False)),
        (KeyMode.HYBRID_CATKDF, Fallback.PQC_ONLY, (True, True)),
        (KeyMode.PQC_ONLY, Fallback.NONE, (True, True)),
    ],
)
def test_the_service_level_says_whether_secrets_are_agreed_and_may_stand_alone(
    mode: KeyMode, fallback: Fallback, allowed: tuple[bool, bool]
) -> None:
    assert (is_secret_agreed(mode, fallback), may_lack_quantum_key(mode, fallback)) == allowed


def test_the_origin_of_a_combined_key_says_mode_mechanism_and_generation() -> None:
    plain = Provenance(Method.RELAYED, 2)
    assert stamped(plain, KeyMode.HYBRID_XOR, 3) == Provenance(Method.RELAYED, 2, 1, KeyMode.HYBRID_XOR, KEM, 3)
    assert stamped(plain, KeyMode.QKD_ONLY, 0) == plain
