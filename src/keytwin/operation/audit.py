"""The audit of a network's state: where it lies, and reading it, whether the network runs or not."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import keytwin.network  # noqa: F401  # knows the records of every plane, which are read by their names
from keytwin.operation.sealing import JOURNAL, KEY_FILE, AskPassphrase, is_sealed, key_of, no_passphrase
from keytwin.runtime.audit_reading import Trail, read_trail
from keytwin.runtime.envelope import Envelope
from keytwin.runtime.journal_codec import RecordCodec, record_types
from keytwin.runtime.private_files import mistake

ELSEWHERE: Final = "name the state directory of a network: --state DIR"


def trail_of(state: Path, ask: AskPassphrase = no_passphrase) -> Trail:
    """Read and check the audit of a network by the folder of its state; FileMistake when there is none to be read."""
    for path in (state / JOURNAL, *(() if is_sealed(state) else (state / KEY_FILE,))):
        if not path.exists():  # a key that is not there would be made
            raise mistake(path, "is not there", ELSEWHERE)
    return read_trail(state / JOURNAL, Envelope(key_of(state, ask)), RecordCodec(record_types()))
