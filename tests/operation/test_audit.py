"""The audit of a state: of one process, or of each process of a network that has several."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from keytwin.keymanagement.pool import KeysHandedOut
from keytwin.operation.audit import trails_of
from keytwin.operation.sealing import JOURNAL, key_of, no_passphrase
from keytwin.operation.whereabouts import folder_of_process
from keytwin.runtime.envelope import Envelope
from keytwin.runtime.journal import Journal
from keytwin.runtime.journal_codec import RecordCodec, record_types
from keytwin.vocabulary.errors import FileMistake
from keytwin.vocabulary.identity import KeyId, Ksid, NodeId, SaeId, km_of
from keytwin.vocabulary.units import Bits
from tests.marks import invariant


def handed_out(folder: Path, node: str, key: str) -> None:
    """Let a key manager of a state hand a key out."""
    envelope = Envelope(key_of(folder, no_passphrase))
    with closing(Journal.open(folder / JOURNAL, envelope, RecordCodec(record_types()))) as journal:
        record = KeysHandedOut(Ksid("k"), is_master=True, key_ids=(KeyId(key),), sae=SaeId("a"), key_size=Bits(256))
        journal.stage(km_of(NodeId(node)), record)
        journal.commit()


@invariant("Z7")
def test_a_state_of_one_process_has_one_audit(tmp_path: Path) -> None:
    handed_out(tmp_path, "a", "k1")
    assert {name: len(trail.rows) for name, trail in trails_of(tmp_path).items()} == {"": 1}


@invariant("Z7")
def test_each_process_has_an_audit_of_its_own_however_it_is_called(tmp_path: Path) -> None:
    for part, key in (("control", "k1"), ("km/a", "k2"), ("km/b", "k3")):
        handed_out(folder_of_process(tmp_path, part), "a", key)
    trails = trails_of(tmp_path)
    assert list(trails) == ["control", "km/a", "km/b"]
    assert [noted.entry.keys for trail in trails.values() for _, noted in trail.entries()] == [
        ("k1",),
        ("k2",),
        ("k3",),
    ]
    assert not any(trail.faults for trail in trails.values())


def test_a_state_without_a_journal_has_none_and_nothing_is_made_there(tmp_path: Path) -> None:
    with pytest.raises(FileMistake, match="is not there"):
        trails_of(tmp_path)
    assert list(tmp_path.iterdir()) == []
