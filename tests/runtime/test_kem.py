"""ML-KEM-768 and its seeded stand-in, held to one contract; and the real one to FIPS 203."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from keytwin.runtime.entropy import SeededEntropy
from keytwin.runtime.kem import CIPHERTEXT_OCTETS, PUBLIC_OCTETS, SECRET_OCTETS, MlKem768, SeededKem
from keytwin.vocabulary.errors import KemRefused, Violation, WipedKey
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.ports import Kem
from keytwin.vocabulary.units import bits
from tests.marks import clause


def seeded(seed: int = 1) -> SeededKem:
    return SeededKem(SeededEntropy(seed.to_bytes(32, "big")))


both = pytest.mark.parametrize("make", [MlKem768, seeded], ids=["real", "stand-in"])
MakeKem = Callable[[], Kem]


def octets(material: KeyMaterial) -> bytes:
    with material.exposed() as seen:
        return bytes(seen)


def test_public_key_ciphertext_and_secret_have_the_sizes_of_the_standard() -> None:
    assert (PUBLIC_OCTETS, CIPHERTEXT_OCTETS, SECRET_OCTETS) == (1184, 1088, 32)


@both
@clause("FIPS 203", "8")
def test_sizes_are_those_of_ml_kem_768(make: MakeKem) -> None:
    kem = make()
    _, public = kem.generate()
    secret, ciphertext = kem.encapsulate(public)
    assert (len(public), len(ciphertext), secret.size) == (PUBLIC_OCTETS, CIPHERTEXT_OCTETS, bits(SECRET_OCTETS))


@both
def test_both_ends_get_one_secret(make: MakeKem) -> None:
    kem = make()
    private, public = kem.generate()
    secret, ciphertext = kem.encapsulate(public)
    assert octets(kem.decapsulate(private, ciphertext)) == octets(secret)


@both
def test_no_two_runs_give_the_same(make: MakeKem) -> None:
    kem = make()
    (_, public), (_, other) = kem.generate(), kem.generate()
    (first, one), (second, two) = kem.encapsulate(public), kem.encapsulate(public)
    assert public != other
    assert one != two
    assert octets(first) != octets(second)


@both
@clause("FIPS 203", "6.3")
@pytest.mark.parametrize("place", [0, 40, 600, CIPHERTEXT_OCTETS - 1])
def test_an_altered_ciphertext_gives_a_secret_that_nobody_else_has(make: MakeKem, place: int) -> None:
    kem = make()
    private, public = kem.generate()
    secret, ciphertext = kem.encapsulate(public)
    altered = bytearray(ciphertext)
    altered[place] ^= 1
    got = octets(kem.decapsulate(private, bytes(altered)))
    assert got != octets(secret)
    assert got == octets(kem.decapsulate(private, bytes(altered)))  # the same each time: a retry tells nothing


@both
def test_a_ciphertext_for_another_key_gives_another_secret(make: MakeKem) -> None:
    kem = make()
    private, _ = kem.generate()
    _, public = kem.generate()
    secret, ciphertext = kem.encapsulate(public)
    assert octets(kem.decapsulate(private, ciphertext)) != octets(secret)


@both
@clause("FIPS 203", "7.2")
@pytest.mark.parametrize("public", [b"", bytes(PUBLIC_OCTETS - 1), bytes(PUBLIC_OCTETS + 1), b"\xff" * PUBLIC_OCTETS])
def test_what_is_no_public_key_is_refused_as_the_peers_fault(make: MakeKem, public: bytes) -> None:
    with pytest.raises(KemRefused, match="public key"):
        make().encapsulate(public)
    assert issubclass(KemRefused, Violation)


@both
@clause("FIPS 203", "7.3")
@pytest.mark.parametrize("count", [0, CIPHERTEXT_OCTETS - 1, CIPHERTEXT_OCTETS + 1])
def test_a_ciphertext_of_another_length_is_refused(make: MakeKem, count: int) -> None:
    kem = make()
    private, _ = kem.generate()
    with pytest.raises(KemRefused, match="1088 octets"):
        kem.decapsulate(private, bytes(count))


@both
def test_a_wiped_private_key_opens_nothing_any_more(make: MakeKem) -> None:
    kem = make()
    private, public = kem.generate()
    _, ciphertext = kem.encapsulate(public)
    private.wipe()
    with pytest.raises(WipedKey):
        kem.decapsulate(private, ciphertext)


def test_the_stand_in_repeats_by_its_seed() -> None:
    def story(kem: Kem) -> bytes:
        private, public = kem.generate()
        secret, ciphertext = kem.encapsulate(public)
        return hashlib.sha256(octets(private) + public + ciphertext + octets(secret)).digest()

    assert story(seeded(7)) == story(seeded(7))
    assert story(seeded(7)) != story(seeded(8))
