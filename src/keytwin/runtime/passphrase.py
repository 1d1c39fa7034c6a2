"""A key-encryption key from a passphrase: scrypt (RFC 7914), its parameters beside the journal, the passphrase nowhere.

Who has the disk and not the passphrase has to try passphrases, each at the price of 128 MiB of memory and some tenths
of a second; so it is as good as the passphrase. The name of the key is stored too: a wrong one is known at once.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from keytwin.runtime.envelope import KEY, KeyFile
from keytwin.runtime.private_files import mistake, private_folder, read_secret, write_whole
from keytwin.vocabulary.errors import Refusal

KIND: Final = "passphrase"
SALT: Final = 16  # octets
BLOCKS: Final = 8  # r of scrypt; with 2**17 it makes 128 MiB, as is usual (recalled) for keys of disks
LOG_COST: Final = 17
LEAST_COST, MOST_COST = 10, 22  # of a file that was altered: nothing that is guessed at once, nothing that fills memory
SHORTEST: Final = 12  # octets of a passphrase; what is shorter is tried through in days


class WrongPassphrase(Refusal):
    """The passphrase does not open this state."""


class SealedBy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is stored: how the key follows from the passphrase, and the name of the key that must come out."""

    log_cost: int
    salt: bytes
    key: str = ""

    def key_from(self, passphrase: bytes) -> KeyFile:
        """Return the key; takes its time."""
        octets = Scrypt(salt=self.salt, length=KEY, n=1 << self.log_cost, r=BLOCKS, p=1).derive(passphrase)
        return KeyFile(octets, KIND)


def seal(path: Path, passphrase: bytes, log_cost: int = LOG_COST) -> KeyFile:
    """Make the parameters for a state that has no key yet; Refusal when the passphrase is too short."""
    if len(passphrase) < SHORTEST:
        raise Refusal(f"the passphrase has {len(passphrase)} octets: take at least {SHORTEST}, better several words")
    fresh = SealedBy(log_cost, secrets.token_bytes(SALT))
    key = fresh.key_from(passphrase)
    private_folder(path.parent)
    write_whole(path, msgspec.json.encode(msgspec.structs.replace(fresh, key=key.name)))
    return key


def unseal(path: Path, passphrase: bytes) -> KeyFile:
    """Return the key of a sealed state; WrongPassphrase, or FileMistake when its parameters are none."""
    try:
        sealed = msgspec.json.decode(read_secret(path), type=SealedBy)
    except msgspec.DecodeError as error:
        raise mistake(path, f"is no seal of keytwin's: {error}", "put back the file keytwin made") from error
    if not LEAST_COST <= sealed.log_cost <= MOST_COST or len(sealed.salt) != SALT:
        raise mistake(path, "has been altered", "put back the file keytwin made")
    key = sealed.key_from(passphrase)
    if key.name != sealed.key:
        raise WrongPassphrase(f"the passphrase is not the one that {path} was made with")
    return key
