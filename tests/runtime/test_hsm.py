"""A key-encryption key under a hardware token: nothing without the token, its key and its PIN; each mistake is told."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from keytwin.runtime.envelope import Envelope, KeyFile
from keytwin.runtime.hsm import SealedByToken, TokenFailed, library, needs_pin, seal_by_token, unseal_by_token
from keytwin.vocabulary.errors import FileMistake, Mistake, Refusal
from tests.marks import clause, invariant
from tests.runtime.journals import found, opened, save
from tests.runtime.tokens import PIN, needs_softhsm, tokens


def pin() -> bytes:
    return PIN


def nobody() -> bytes:
    raise AssertionError("nobody is to be asked")


@needs_softhsm
@invariant("Z6")
@clause("NIST SP 800-38D", "7")
def test_z6_a_journal_opens_with_its_token_and_with_no_other(tmp_path: Path) -> None:
    path = tmp_path / "token.json"
    key = seal_by_token(path, tokens().uri(), pin)
    assert key.name.startswith("pkcs11:")
    with closing(opened(tmp_path, Envelope(key))) as journal:
        save(journal, 1, 2)
    again = unseal_by_token(path, pin)
    assert again.name == key.name
    with closing(opened(tmp_path, Envelope(again))) as journal:
        assert found(journal) == [1, 2]
    for other in (tokens().uri("another"), tokens().uri(token="other")):
        with pytest.raises(TokenFailed, match=r"does not open .*token\.json"):
            unseal_by_token(path, pin, other)
    with pytest.raises(FileMistake, match="is sealed under the key pkcs11:"):
        opened(tmp_path, Envelope(KeyFile(bytes(32))))


@needs_softhsm
@invariant("Z6")
def test_z6_neither_pin_nor_key_is_on_the_disk_and_two_seals_have_nothing_in_common(tmp_path: Path) -> None:
    sealed = []
    for name in ("one", "two"):
        seal_by_token(tmp_path / name, tokens().uri(), pin)
        octets = (tmp_path / name).read_bytes()
        assert PIN not in octets
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        sealed.append(msgspec.json.decode(octets, type=SealedByToken))
    first, second = sealed
    assert first.key != second.key
    assert first.nonce != second.nonce
    assert first.wrapped != second.wrapped


@needs_softhsm
def test_the_token_is_let_go_of_after_each_use(tmp_path: Path) -> None:
    path = tmp_path / "token.json"
    seal_by_token(path, tokens().uri(), pin)
    for _ in range(3):  # a session that stayed open would be logged in already
        unseal_by_token(path, pin)
    with pytest.raises(TokenFailed):
        unseal_by_token(path, pin, tokens().uri("absent"))
    unseal_by_token(path, pin)


@needs_softhsm
@pytest.mark.parametrize(
    ("place", "told"),
    [
        (lambda: tokens().uri(token="absent"), "there is no token 'absent' at .*: see which there are"),
        (lambda: tokens().uri(token="twice"), r"several tokens are called 'twice': add serial="),
        (lambda: tokens().uri(more="").replace("object", "serial=00;object"), "there is no token 'keytwin'"),
        (lambda: tokens().uri("absent"), "there is no AES key 'absent' in token 'keytwin': make one"),
        (lambda: tokens().uri("text"), "there is no AES key 'text'"),
        (lambda: tokens().uri("double"), "token 'keytwin' has several keys 'double'"),
    ],
)
def test_a_place_where_no_key_is_gets_a_word_of_what_to_do(tmp_path: Path, place: Callable[[], str], told: str) -> None:
    with pytest.raises(TokenFailed, match=told):
        seal_by_token(tmp_path / "token.json", place(), pin)
    assert not (tmp_path / "token.json").exists()


@needs_softhsm
@pytest.mark.parametrize("wrong", [b"", b"1", b"12345678", b"x" * 300])
def test_a_wrong_pin_is_said_to_be_one_and_not_repeated(tmp_path: Path, wrong: bytes) -> None:
    seal_by_token(tmp_path / "token.json", tokens().uri(), pin)
    with pytest.raises(TokenFailed, match="PIN") as caught:
        unseal_by_token(tmp_path / "token.json", lambda: wrong)
    assert not wrong or wrong.decode() not in str(caught.value) or wrong == b"1"


@needs_softhsm
def test_a_pin_that_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TokenFailed, match="no text in UTF-8") as caught:
        seal_by_token(tmp_path / "token.json", tokens().uri(), lambda: b"\xff\xfe")
    assert caught.value.__cause__ is None


@needs_softhsm
@invariant("Z6")
def test_a_pin_in_a_file_of_its_owner_is_taken_and_nobody_is_asked(tmp_path: Path) -> None:
    source, path = tmp_path / "pin", tmp_path / "token.json"
    source.write_bytes(PIN + b"\n")
    source.chmod(0o600)
    uri = tokens().uri(more=f"&pin-source=file:{source}")
    assert not needs_pin(path, uri)
    name = seal_by_token(path, uri, nobody).name
    assert not needs_pin(path)
    assert unseal_by_token(path, nobody).name == name
    assert unseal_by_token(path, pin, tokens().uri()).name == name, "another way to the same key"
    source.chmod(0o640)
    with pytest.raises(FileMistake, match="others may read it"):
        unseal_by_token(path, nobody)


@needs_softhsm
def test_a_seal_that_was_altered_opens_nothing(tmp_path: Path) -> None:
    path = tmp_path / "token.json"
    seal_by_token(path, tokens().uri(), pin)
    whole = msgspec.json.decode(path.read_bytes(), type=SealedByToken)
    for field in ("nonce", "wrapped"):
        octets = bytearray(getattr(whole, field))
        octets[3] ^= 1
        path.write_bytes(msgspec.json.encode(msgspec.structs.replace(whole, **{field: bytes(octets)})))
        with pytest.raises(TokenFailed, match="does not open"):
            unseal_by_token(path, pin)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(whole, key="pkcs11:0000000000000000")))
    with pytest.raises(FileMistake, match="has been altered"):
        unseal_by_token(path, pin)
    path.write_bytes(b"{}")
    with pytest.raises(FileMistake, match="is no seal of keytwin's"):
        unseal_by_token(path, pin)


@pytest.mark.parametrize("driver", ["/nowhere/driver.so", "/etc/passwd"])
def test_a_driver_that_is_none_is_named(tmp_path: Path, driver: str) -> None:
    pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed: pip install 'keytwin[hsm]'")
    with pytest.raises(TokenFailed, match=f"{driver} is no PKCS#11 driver that can be loaded"):
        seal_by_token(tmp_path / "token.json", f"pkcs11:token=a;object=b?module-path={driver}", pin)


def test_without_the_extra_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    with pytest.raises(Refusal, match=r"pip install 'keytwin\[hsm\]'"):
        library()
    with pytest.raises(Refusal, match="python-pkcs11, which is not here"):
        seal_by_token(tmp_path / "token.json", "pkcs11:token=a;object=b?module-path=/x", pin)


def test_a_uri_that_is_none_is_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="says object"):
        seal_by_token(tmp_path / "token.json", "pkcs11:token=a?module-path=/x", nobody)
