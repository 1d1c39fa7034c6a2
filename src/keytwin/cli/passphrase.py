"""Where a passphrase or PIN comes from: a descriptor, the environment or a terminal; not an argument, which all see."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from getpass import getpass
from typing import Final

from keytwin.vocabulary.errors import Mistake, Refusal

VARIABLE: Final = "KEYTWIN_PASSPHRASE"
LONGEST: Final = 4096  # octets


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks once: a descriptor is read to its end. `is_new` = twice on a terminal, where one may mistype."""

    descriptor: int | None = None

    def __call__(self, *, is_new: bool) -> bytes:
        """Return the passphrase; Refusal when there is nobody to ask."""
        if self.descriptor is not None:
            return _read(self.descriptor)
        given = os.environ.get(VARIABLE)
        if given is not None:
            return given.encode()
        if not sys.stdin.isatty():
            raise Refusal(
                f"the state is sealed, or to be: give its passphrase, or its token's PIN, by --passphrase-fd N or "
                f"{VARIABLE}, or start it on a terminal"
            )
        typed = getpass("Passphrase, or PIN of the token: ")
        if is_new and getpass("Once more: ") != typed:
            raise Mistake("that was not the same passphrase twice")
        return typed.encode()


def _read(descriptor: int) -> bytes:
    try:
        with os.fdopen(descriptor, "rb") as file:
            octets = file.read(LONGEST + 1)
    except OSError as error:
        raise Mistake(f"no passphrase can be read from descriptor {descriptor}: {error.strerror}") from error
    if len(octets) > LONGEST:
        raise Mistake(f"what descriptor {descriptor} gives is no passphrase: more than {LONGEST} octets")
    return octets.splitlines()[0] if octets else b""
