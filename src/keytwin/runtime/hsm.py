"""A key-encryption key under a key in hardware: PKCS#11 (OASIS, v2.40), AES-GCM in the token.

The token's own key never leaves it. It seals 32 octets, which are stored beside the journal and are the key-encryption
key once the token has opened them. So the token is asked once a start, and a network that runs does not need it; but
who has the disk needs the token and its PIN. The octets are in the memory of a process that runs, as its data keys are.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, Protocol

import msgspec

from keytwin.runtime.envelope import KEY, NONCE, KeyFile
from keytwin.runtime.private_files import mistake, private_folder, read_secret, write_whole
from keytwin.runtime.token_uri import TokenKey, parse_token_uri
from keytwin.vocabulary.errors import Refusal

if TYPE_CHECKING:
    from types import ModuleType

KIND: Final = "pkcs11"
TAG_BITS: Final = 128
CONTEXT: Final = b"keytwin token seal 1"
REMEDY: Final = "install keytwin's extra hsm (pip install 'keytwin[hsm]')"

AskPin = Callable[[], bytes]


class _Key(Protocol):
    def encrypt(self, data: bytes, *, mechanism: object, mechanism_param: object) -> bytes: ...
    def decrypt(self, data: bytes, *, mechanism: object, mechanism_param: object) -> bytes: ...


class _Session(Protocol):
    def get_objects(self, attributes: dict[object, object]) -> Iterable[_Key]: ...
    def close(self) -> None: ...


class _Token(Protocol):
    def open(self, *, user_pin: str) -> _Session: ...


class TokenFailed(Refusal):
    """The token, its driver or the key in it cannot be had."""


class SealedByToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is stored: where the token's key is, what it has sealed, and the name of the key that must come out."""

    uri: str
    nonce: bytes
    wrapped: bytes
    key: str


def seal_by_token(path: Path, uri: str, ask: AskPin) -> KeyFile:
    """Draw a key for a state that has none yet, and store it as the token has sealed it."""
    place = parse_token_uri(uri)
    octets, nonce = secrets.token_bytes(KEY), secrets.token_bytes(NONCE)
    with _key_at(place, _pin_of(place, ask)) as (pkcs11, key), _explaining(pkcs11, place, "seal with"):
        wrapped = key.encrypt(octets, mechanism=pkcs11.Mechanism.AES_GCM, mechanism_param=_gcm(pkcs11, nonce))
    made = KeyFile(octets, KIND)
    private_folder(path.parent)
    write_whole(path, msgspec.json.encode(SealedByToken(uri, nonce, wrapped, made.name)))
    return made


def unseal_by_token(path: Path, ask: AskPin, uri: str = "") -> KeyFile:
    """Return the key of a sealed state; `uri` in place of the stored one: the token or its driver has moved."""
    sealed = _read(path)
    place = parse_token_uri(uri or sealed.uri)
    with _key_at(place, _pin_of(place, ask)) as (pkcs11, key):
        try:
            octets = key.decrypt(
                sealed.wrapped, mechanism=pkcs11.Mechanism.AES_GCM, mechanism_param=_gcm(pkcs11, sealed.nonce)
            )
        except pkcs11.PKCS11Error as error:  # tokens differ in what they call a tag that does not hold
            raise TokenFailed(f"{place} does not open {path}: it was sealed with another ({_name(error)})") from error
    if len(octets) != KEY or (key_file := KeyFile(octets, KIND)).name != sealed.key:
        raise mistake(path, "has been altered", "put back the file keytwin made")
    return key_file


def needs_pin(path: Path, uri: str = "") -> bool:
    """Whether somebody must be asked for the PIN of a sealed state, or of one that is to be sealed by `uri`."""
    return parse_token_uri(uri or _read(path).uri).pin_source is None


def library() -> ModuleType:
    """Return the client library; Refusal, with what to install, where it is missing."""
    try:
        import pkcs11  # noqa: PLC0415  # an extra: most states are under a file
    except ImportError as error:
        raise Refusal(f"a key in a token needs python-pkcs11, which is not here: {REMEDY}") from error
    return pkcs11


def _read(path: Path) -> SealedByToken:
    try:
        return msgspec.json.decode(read_secret(path), type=SealedByToken)
    except msgspec.DecodeError as error:
        raise mistake(path, f"is no seal of keytwin's: {error}", "put back the file keytwin made") from error


def _pin_of(place: TokenKey, ask: AskPin) -> str:
    if place.pin_source is not None:
        octets = read_secret(place.pin_source).splitlines()
        pin = octets[0] if octets else b""
    else:
        pin = ask()
    try:
        return pin.decode()
    except UnicodeDecodeError:  # what Python says of it holds octets of the PIN
        raise TokenFailed(f"the PIN for {place} is no text in UTF-8") from None


@contextmanager
def _key_at(place: TokenKey, pin: str) -> Iterator[tuple[ModuleType, _Key]]:
    """Log in to a token for as long as the block lasts."""
    pkcs11 = library()
    token = _token(pkcs11, place)
    with _explaining(pkcs11, place, "log in to"):
        session = token.open(user_pin=pin)
    try:
        with _explaining(pkcs11, place, "find"):
            found = list(session.get_objects(_wanted(pkcs11, place)))
        if len(found) != 1:
            raise TokenFailed((_SEVERAL if found else _NONE).format(place=place))
        yield pkcs11, found[0]
    finally:
        session.close()


def _wanted(pkcs11: ModuleType, place: TokenKey) -> dict[object, object]:
    kind = pkcs11.Attribute
    return {
        kind.CLASS: pkcs11.ObjectClass.SECRET_KEY,
        kind.KEY_TYPE: pkcs11.KeyType.AES,
        kind.LABEL: place.object,
    }


def _token(pkcs11: ModuleType, place: TokenKey) -> _Token:
    try:
        driver = pkcs11.lib(str(place.module))
    except pkcs11.PKCS11Error as error:
        raise TokenFailed(f"{place.module} is no PKCS#11 driver that can be loaded: {_name(error)}") from error
    serial = {"token_serial": place.serial.encode()} if place.serial else {}
    with _explaining(pkcs11, place, "find"):
        token: _Token = driver.get_token(token_label=place.token, **serial)
    return token


@contextmanager
def _explaining(pkcs11: ModuleType, place: TokenKey, doing: str) -> Iterator[None]:
    """Say what a token refuses, and what to do."""
    try:
        yield
    except pkcs11.PKCS11Error as error:
        _refuse(place, doing, error)


def _refuse(place: TokenKey, doing: str, error: Exception) -> NoReturn:
    what = _WHATS.get(type(error).__name__)
    said = what.format(place=place) if what else f"cannot {doing} {place}: {_name(error)}"
    raise TokenFailed(said) from error


def _name(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _gcm(pkcs11: ModuleType, nonce: bytes) -> object:
    params: object = pkcs11.GCMParams(nonce=nonce, aad=CONTEXT, tag_bits=TAG_BITS)
    return params


_NONE: Final = "there is no AES key {place.object!r} in token {place.token!r}: make one, 256 bit, with pkcs11-tool"
_SEVERAL: Final = "token {place.token!r} has several keys {place.object!r}: give one a label of its own"
_WHATS: Final = {
    "NoSuchToken": "there is no token {place.token!r} at {place.module}: see which there are with pkcs11-tool -L",
    "MultipleTokensReturned": "several tokens are called {place.token!r}: add serial=... to the URI",
    "PinIncorrect": "that is not the PIN of token {place.token!r}; a few more wrong ones and it is locked",
    "PinInvalid": "that is not the PIN of token {place.token!r}; a few more wrong ones and it is locked",
    "PinLenRange": "the PIN is too short or too long for token {place.token!r}",
    "PinLocked": "the PIN of token {place.token!r} is locked: its security officer can set another",
    "PinExpired": "the PIN of token {place.token!r} has expired: set another",
    "MechanismInvalid": "{place} does no AES-GCM, which keytwin needs",
}
