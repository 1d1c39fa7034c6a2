"""Whose key a network's journal is under: a file's, or that of a passphrase or a token, without which nothing starts.

A state is sealed at its first start or never: what was once written under a key in a file stays readable by that file.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final, Protocol

from keytwin.runtime.envelope import KeyEncryptionKey, KeyFile
from keytwin.runtime.hsm import needs_pin, seal_by_token, unseal_by_token
from keytwin.runtime.passphrase import seal, unseal
from keytwin.runtime.private_files import mistake
from keytwin.vocabulary.errors import Refusal

JOURNAL: Final = Path("journal") / "journal.db"
KEY_FILE: Final = Path("journal") / "key"
SEAL: Final = Path("journal") / "seal.json"
TOKEN: Final = Path("journal") / "token.json"


class AskPassphrase(Protocol):
    """Gets the passphrase, or a token's PIN, from whoever starts the network."""

    def __call__(self, *, is_new: bool) -> bytes:
        """Return it; `is_new` = it is to be typed twice."""
        ...


def no_passphrase(*, is_new: bool) -> bytes:
    """Refuse: nobody has given a passphrase."""
    del is_new
    raise Refusal("this state is sealed: its passphrase, or the PIN of its token, is needed to read it")


def is_sealed(state: Path) -> bool:
    """Whether a state needs a passphrase or a token."""
    return (state / SEAL).exists() or (state / TOKEN).exists()


def key_of(state: Path, ask: AskPassphrase, *, seals: bool = False, token: str = "") -> KeyEncryptionKey:
    """Return the key of a state, made at its first start: `seals` = under a passphrase, `token` = under a key in one.

    Refusal without the right passphrase or token; FileMistake when the state was begun otherwise.
    """
    pin = partial(ask, is_new=False)
    begun = _begun(state)
    if begun == TOKEN and not seals:
        return unseal_by_token(state / TOKEN, pin, token)
    if begun == SEAL and not token:
        return unseal(state / SEAL, pin())
    if begun is None and token:
        return seal_by_token(state / TOKEN, token, pin)
    if begun is None and seals:
        return seal(state / SEAL, ask(is_new=True))
    if seals or token:
        assert begun is not None
        raise mistake(state / begun, f"is of a state that was begun {_HOW[begun]}", "name another place: --state DIR")
    return KeyFile.at(state / KEY_FILE)


def must_ask(state: Path, *, seals: bool, token: str) -> bool | None:
    """Whether somebody must be asked when a state is opened, and for something new (True); None = for nothing."""
    begun = _begun(state)
    if begun == TOKEN or (begun is None and token):
        return False if needs_pin(state / TOKEN, token) else None
    if begun == SEAL:
        return False
    return True if begun is None and seals else None


def _begun(state: Path) -> Path | None:
    """Return the file that says how a state was begun, None = it is new."""
    return next((each for each in (TOKEN, SEAL, KEY_FILE, JOURNAL) if (state / each).exists()), None)


_HOW: Final = {TOKEN: "under a token", SEAL: "under a passphrase", KEY_FILE: "unsealed", JOURNAL: "unsealed"}
