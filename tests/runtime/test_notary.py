"""Vouchers of key managers: the real ones and the stand-in's, held to one contract; the real ones to certificates."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from cryptography import x509

from keytwin.runtime.certificates import TOLERANCE
from keytwin.runtime.identities import Identity, Role
from keytwin.runtime.notary import CertifiedNotary, SeededNotary, Voucher
from keytwin.runtime.pki import Authority
from keytwin.runtime.tls import Doorkeeper
from keytwin.vocabulary.errors import FileMistake, Unvouched
from keytwin.vocabulary.identity import NodeId
from keytwin.vocabulary.ports import Notary
from tests.runtime.papers import DAY, NOW

A, B = NodeId("a"), NodeId("b")
WORDS = b"what the key manager of a says"
MakeNotary = Callable[[NodeId, Path], Notary]


def certified(node: NodeId, folder: Path, now: datetime = NOW, role: Role = Role.KM) -> CertifiedNotary:
    """Return the notary of a node, whose certificate is issued when it is not there yet."""
    home = folder / "pki"
    authority = Authority.load(home, "net", NOW) if home.exists() else Authority.create(home, "net", NOW)
    identity = Identity(role, node)
    files = authority.files_of(identity)
    if not files.exist:
        authority.issue(identity, NOW)
    return CertifiedNotary(files, Doorkeeper("net", authority.is_denied), lambda: now)


both = pytest.mark.parametrize(
    "make", [certified, lambda node, _: SeededNotary(node)], ids=["certificates", "stand-in"]
)


@both
def test_a_voucher_names_the_node_that_has_said_this(make: MakeNotary, tmp_path: Path) -> None:
    voucher = make(A, tmp_path).vouch(WORDS)
    assert make(B, tmp_path).voucher_of(WORDS, voucher) == A
    assert make(A, tmp_path).voucher_of(WORDS, voucher) == A


@both
def test_it_is_for_these_words_alone(make: MakeNotary, tmp_path: Path) -> None:
    voucher = make(A, tmp_path).vouch(WORDS)
    for words in (b"", WORDS[:-1], WORDS + b"\0", WORDS.replace(b"a", b"b")):
        with pytest.raises(Unvouched):
            make(B, tmp_path).voucher_of(words, voucher)


@both
def test_what_is_no_voucher_is_told(make: MakeNotary, tmp_path: Path) -> None:
    voucher = make(A, tmp_path).vouch(WORDS)
    other = msgspec.msgpack.decode(make(B, tmp_path).vouch(WORDS), type=Voucher)
    read = msgspec.msgpack.decode(voucher, type=Voucher)
    mixed = msgspec.msgpack.encode(Voucher(other.signer, read.signature))  # a's signature beside b's name
    for nonsense in (b"", b"\xc1", voucher[:-1], msgspec.msgpack.encode(Voucher(b"", b"")), mixed):
        with pytest.raises(Unvouched):
            make(B, tmp_path).voucher_of(WORDS, nonsense)


def test_nothing_of_a_voucher_that_means_anything_may_change(tmp_path: Path) -> None:
    """One octet is left: the number of unused bits behind the authority's signature, which DER has outside of it."""
    voucher, hears = certified(A, tmp_path).vouch(WORDS), certified(B, tmp_path)
    taken = []
    for place in range(len(voucher)):
        altered = bytearray(voucher)
        altered[place] ^= 1
        with suppress(Unvouched):
            assert hears.voucher_of(WORDS, bytes(altered)) == A
            taken.append(bytes(altered))
    assert len(taken) <= 1
    assert {meant(each) for each in taken} <= {meant(voucher)}


def meant(voucher: bytes) -> tuple[bytes, bytes, bytes]:
    """Return what a certificate says, the authority's signature of that, and the node's."""
    read = msgspec.msgpack.decode(voucher, type=Voucher)
    leaf = x509.load_der_x509_certificate(read.signer)
    return leaf.tbs_certificate_bytes, leaf.signature, read.signature


def test_only_key_managers_that_our_authority_has_certified_vouch_for_anything(tmp_path: Path) -> None:
    hears = certified(B, tmp_path)
    customer = certified(A, tmp_path, role=Role.SAE)
    stranger = certified(A, tmp_path / "another network")
    with pytest.raises(Unvouched, match="sae/a vouches for what only key managers say"):
        hears.voucher_of(WORDS, customer.vouch(WORDS))
    with pytest.raises(Unvouched, match="nobody of this network has signed this"):
        hears.voucher_of(WORDS, stranger.vouch(WORDS))
    with pytest.raises(Unvouched):
        hears.voucher_of(WORDS, SeededNotary(A).vouch(WORDS))


def test_a_certificate_that_is_over_or_revoked_vouches_for_nothing(tmp_path: Path) -> None:
    voucher = certified(A, tmp_path).vouch(WORDS)
    for then in (NOW + 400 * DAY, NOW - 2 * TOLERANCE - TOLERANCE):
        with pytest.raises(Unvouched, match="the peer's certificate is good from"):
            certified(B, tmp_path, then).voucher_of(WORDS, voucher)
    Authority.load(tmp_path / "pki", "net", NOW).revoke_identity(Identity(Role.KM, A), NOW)
    with pytest.raises(Unvouched, match="the peer's certificate is revoked"):
        certified(B, tmp_path).voucher_of(WORDS, voucher)


def test_a_renewed_certificate_is_used_at_once(tmp_path: Path) -> None:
    speaks, hears = certified(A, tmp_path), certified(B, tmp_path)
    before = speaks.vouch(WORDS)
    Authority.load(tmp_path / "pki", "net", NOW).issue(Identity(Role.KM, A), NOW)
    after = speaks.vouch(WORDS)
    first, second = (msgspec.msgpack.decode(each, type=Voucher) for each in (before, after))
    assert first.signer != second.signer
    assert hears.voucher_of(WORDS, before) == hears.voucher_of(WORDS, after) == A


def test_without_its_key_nothing_is_vouched_for(tmp_path: Path) -> None:
    speaks = certified(A, tmp_path)
    Authority.load(tmp_path / "pki", "net", NOW).files_of(Identity(Role.KM, A)).key.unlink()
    with pytest.raises(FileMistake):
        speaks.vouch(WORDS)
