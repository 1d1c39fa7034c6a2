"""A key-encryption key from a passphrase: the same each time, nothing without it, and no trace of it on the disk."""

from __future__ import annotations

import stat
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from keytwin.runtime.envelope import Envelope, KeyFile
from keytwin.runtime.passphrase import LOG_COST, SealedBy, WrongPassphrase, seal, unseal
from keytwin.vocabulary.errors import FileMistake, Refusal
from tests.marks import clause, invariant
from tests.runtime.journals import found, opened, save

PASSPHRASE = b"correct horse battery"
CHEAP = 10


@clause("RFC 7914", "12")
def test_scrypt_is_that_of_its_test_vector() -> None:
    octets = Scrypt(salt=b"NaCl", length=64, n=1024, r=8, p=16).derive(b"password")
    assert octets.hex().startswith("fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162")


@invariant("Z6")
def test_z6_a_journal_opens_with_its_passphrase_and_with_no_other(tmp_path: Path) -> None:
    path = tmp_path / "seal.json"
    key = seal(path, PASSPHRASE, CHEAP)
    with closing(opened(tmp_path, Envelope(key))) as journal:
        save(journal, 1, 2)
    for wrong in (b"correct horse batterz", PASSPHRASE + b" ", b"", b"x" * 4000):
        with pytest.raises(WrongPassphrase, match=r"seal\.json"):
            unseal(path, wrong)
    again = unseal(path, PASSPHRASE)
    assert again.name == key.name
    with closing(opened(tmp_path, Envelope(again))) as journal:
        assert found(journal) == [1, 2]
    with pytest.raises(FileMistake, match="is sealed under the key passphrase:"):
        opened(tmp_path, Envelope(KeyFile(bytes(32))))


@invariant("Z6")
def test_z6_the_passphrase_is_nowhere_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "seal.json"
    key = seal(path, PASSPHRASE, CHEAP)
    with closing(opened(tmp_path, Envelope(key))) as journal:
        save(journal, 1)
    assert all(PASSPHRASE not in each.read_bytes() for each in tmp_path.iterdir())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_seals_of_one_passphrase_have_nothing_in_common(tmp_path: Path) -> None:
    assert seal(tmp_path / "one", PASSPHRASE, CHEAP).name != seal(tmp_path / "two", PASSPHRASE, CHEAP).name


def test_the_usual_cost_is_stored_and_taken(tmp_path: Path) -> None:
    key = seal(tmp_path / "seal.json", PASSPHRASE)
    assert msgspec.json.decode((tmp_path / "seal.json").read_bytes(), type=SealedBy).log_cost == LOG_COST
    assert unseal(tmp_path / "seal.json", PASSPHRASE).name == key.name


@pytest.mark.parametrize("passphrase", [b"", b"short", b"elevenchars"])
def test_a_short_passphrase_is_refused_and_nothing_is_made(tmp_path: Path, passphrase: bytes) -> None:
    with pytest.raises(Refusal, match=f"has {len(passphrase)} octets"):
        seal(tmp_path / "seal.json", passphrase, CHEAP)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("log_cost", 40, "altered"),
        ("log_cost", 1, "altered"),
        ("log_cost", "x", "no seal"),
        ("salt", "AAAA", "altered"),
        ("more", 1, "no seal"),
    ],
)
def test_altered_parameters_are_noticed(tmp_path: Path, field: str, value: object, told: str) -> None:
    path = tmp_path / "seal.json"
    seal(path, PASSPHRASE, CHEAP)
    stored = msgspec.json.decode(path.read_bytes(), type=dict[str, object])
    path.write_bytes(msgspec.json.encode(stored | {field: value}))
    with pytest.raises(FileMistake, match=told):
        unseal(path, PASSPHRASE)
    assert unseal.__doc__


def test_another_cost_gives_another_key(tmp_path: Path) -> None:
    path = tmp_path / "seal.json"
    seal(path, PASSPHRASE, CHEAP)
    stored = msgspec.json.decode(path.read_bytes(), type=SealedBy)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(stored, log_cost=CHEAP + 1)))
    with pytest.raises(WrongPassphrase):
        unseal(path, PASSPHRASE)
