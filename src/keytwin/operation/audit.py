"""The audit of a network's state: in which journals it lies, and reading it, whether the network runs or not."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import keytwin.network  # noqa: F401  # knows the records of every plane, which are read by their names
from keytwin.operation.sealing import JOURNAL, KEY_FILE, AskPassphrase, is_sealed, key_of, no_passphrase
from keytwin.operation.whereabouts import PROCESSES
from keytwin.runtime.audit_reading import Trail, read_trail
from keytwin.runtime.envelope import Envelope
from keytwin.runtime.journal_codec import RecordCodec, record_types
from keytwin.runtime.private_files import mistake

ELSEWHERE: Final = "name the state directory of a network: --state DIR"


def trails_of(state: Path, ask: AskPassphrase = no_passphrase) -> dict[str, Trail]:
    """Read and check the audit of a network by the folder of its state; FileMistake when there is none to be read.

    By the name of the process that kept it, "" where the network is one process.
    """
    processes = state / PROCESSES
    folders = [path.parents[len(JOURNAL.parts) - 1] for path in sorted(processes.rglob(str(JOURNAL)))]
    found = {str(folder.relative_to(processes)): folder for folder in folders}
    return {name: _trail_of(folder, ask) for name, folder in (found or {"": state}).items()}


def _trail_of(folder: Path, ask: AskPassphrase) -> Trail:
    for path in (folder / JOURNAL, *(() if is_sealed(folder) else (folder / KEY_FILE,))):
        if not path.exists():  # a key that is not there would be made
            raise mistake(path, "is not there", ELSEWHERE)
    return read_trail(folder / JOURNAL, Envelope(key_of(folder, ask)), RecordCodec(record_types()))
