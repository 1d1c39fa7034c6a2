"""Combiners: the vectors of ETSI TS 103 744, HKDF by its definition, and what each combiner keeps."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.algorithms.combiners import (
    COMBINERS,
    MOST_OCTETS,
    Combiner,
    Transcript,
    catkdf,
    catkdf_one_step,
    context,
    derive_hkdf,
    derive_one_step,
    xor,
)
from tests.marks import clause

PSK = bytes(range(0x20))
K1 = bytes(range(0x40, 0x60))
K2 = bytes(range(0x80, 0xA0))
SAID = Transcript(b"HYBRID-KEY", b"qkdn-link-1", bytes(range(100)), bytes(range(200, 140, -1)))

secrets = st.binary(min_size=32, max_size=32)
keys = st.binary(min_size=1, max_size=200)
texts = st.binary(max_size=40)
transcripts = st.builds(Transcript, texts, texts, texts, texts)
every_combiner = pytest.mark.parametrize("combine", [*COMBINERS.values(), catkdf_one_step])


def hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """Derive as RFC 5869 writes it down."""
    extracted = hmac.digest(salt or bytes(32), secret, "sha256")
    derived = block = b""
    for number in range(1, -(-length // 32) + 1):
        block = hmac.digest(extracted, block + info + bytes([number]), "sha256")
        derived += block
    return derived[:length]


@clause("ETSI TS 103 744 V1.2.1", "CatKDF")
def test_catkdf_with_hkdf_gives_the_reference_key() -> None:
    wanted = "a34be693585274239ecb166a9083ebe307409b21622e47673a1460ba944a14f4"
    assert catkdf(PSK, K2, SAID, classical=K1).hex() == wanted


@clause("ETSI TS 103 744 V1.2.1", "CatKDF")
def test_catkdf_with_the_one_step_kdf_gives_the_reference_key() -> None:
    wanted = "ea13b1f88f0a8e4846c47c0dd8789c9ee07894e7e354cbf0038012de3b38c0d7"
    assert catkdf_one_step(PSK, K2, SAID, classical=K1).hex() == wanted


@clause("ETSI TS 103 744 V1.2.1", "context")
def test_the_context_is_the_digest_of_the_parts_behind_their_lengths() -> None:
    parts = (SAID.info, SAID.message_a, SAID.message_b)
    framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    assert context(SAID) == hashlib.sha256(framed).digest()


def test_no_two_ways_to_cut_the_same_octets_have_one_context() -> None:
    assert context(Transcript(b"", b"ab", b"c", b"")) != context(Transcript(b"", b"a", b"bc", b""))


@clause("RFC 5869", "2")
@given(secrets, transcripts, st.integers(1, 200))
def test_hkdf_is_what_its_definition_says(secret: bytes, said: Transcript, length: int) -> None:
    assert derive_hkdf(secret, said, length) == hkdf(secret, said.label, context(said), length)


@given(keys, secrets, transcripts)
def test_xor_takes_the_quantum_key_and_a_stream_of_the_other_secret(qkd: bytes, pqc: bytes, said: Transcript) -> None:
    stream = hkdf(pqc, said.label, context(said), len(qkd))
    assert bytes(a ^ b for a, b in zip(xor(qkd, pqc, said), stream, strict=True)) == qkd


@every_combiner
@given(qkd=keys, pqc=secrets, said=transcripts)
def test_the_key_is_as_long_as_the_quantum_key_and_the_same_at_both_ends(
    combine: Combiner, qkd: bytes, pqc: bytes, said: Transcript
) -> None:
    here, there = combine(qkd, pqc, said), combine(bytearray(qkd), memoryview(pqc), said)
    assert here == there
    assert len(here) == len(qkd)


@every_combiner
def test_each_input_and_each_part_of_what_was_said_moves_the_key(combine: Combiner) -> None:
    keys_made = {
        bytes(combine(*inputs))
        for inputs in (
            (PSK, K2, SAID),
            (K1, K2, SAID),
            (PSK, K1, SAID),
            *((PSK, K2, SAID._replace(**{field: b"another"})) for field in Transcript._fields),
        )
    }
    assert len(keys_made) == 3 + len(Transcript._fields)


@every_combiner
def test_inputs_stay_as_they_are_for_whoever_owns_and_wipes_them(combine: Combiner) -> None:
    qkd, pqc = bytearray(PSK), bytearray(K2)
    combine(qkd, pqc, SAID)
    assert qkd == PSK
    assert pqc == K2


@pytest.mark.parametrize("derive", [derive_hkdf, derive_one_step])
@pytest.mark.parametrize(("secret", "length"), [(b"", 32), (PSK, 0), (PSK, MOST_OCTETS + 1)])
def test_nothing_is_derived_from_nothing_or_beyond_the_limit(
    derive: Callable[[bytes, Transcript, int], bytearray], secret: bytes, length: int
) -> None:
    with pytest.raises(AssertionError, match=r"no secret|octets are derived"):
        derive(secret, SAID, length)


@pytest.mark.parametrize("derive", [derive_hkdf, derive_one_step])
def test_the_longest_key_can_be_derived(derive: Callable[[bytes, Transcript, int], bytearray]) -> None:
    assert len(derive(PSK, SAID, MOST_OCTETS)) == MOST_OCTETS
