"""Whose key a network's journal is under: a file's, or that of a passphrase, without which nothing starts.

A state is sealed at its first start or never: what was once written under a key in a file stays readable by that file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from keytwin.runtime.envelope import KeyEncryptionKey, KeyFile
from keytwin.runtime.passphrase import seal, unseal
from keytwin.runtime.private_files import mistake
from keytwin.vocabulary.errors import Refusal

JOURNAL: Final = Path("journal") / "journal.db"
KEY_FILE: Final = Path("journal") / "key"
SEAL: Final = Path("journal") / "seal.json"

AskPassphrase = Callable[[bool], bytes]
"""Gets the passphrase from whoever starts the network; True = it is a new one, to be given twice where one types."""


def no_passphrase(is_new: bool) -> bytes:  # noqa: FBT001  # the one argument there is
    """Refuse: nobody has given a passphrase."""
    del is_new
    raise Refusal("this state is sealed: its passphrase is needed to read it")


def is_sealed(state: Path) -> bool:
    """Whether a state needs a passphrase."""
    return (state / SEAL).exists()


def key_of(state: Path, ask: AskPassphrase, *, seals: bool = False) -> KeyEncryptionKey:
    """Return the key of a state, made at its first start; `seals` = it is to be under a passphrase.

    Refusal without the right passphrase; FileMistake when the state was begun otherwise.
    """
    if is_sealed(state):
        return unseal(state / SEAL, ask(False))  # noqa: FBT003
    if not seals:
        return KeyFile.at(state / KEY_FILE)
    for begun in (KEY_FILE, JOURNAL):
        if (state / begun).exists():
            raise mistake(state / begun, "is of a state that was begun unsealed", "name another place: --state DIR")
    return seal(state / SEAL, ask(True))  # noqa: FBT003
