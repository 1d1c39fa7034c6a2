"""Hand-outs that follow one another are taken up as one, and nothing else changes its place."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.keymanagement.kept import together
from keytwin.keymanagement.pool import BatchGone, KeysHandedOut
from keytwin.vocabulary.identity import KeyId, Ksid
from keytwin.vocabulary.machine import Record


def out(session: str, *keys: str, is_master: bool = True) -> KeysHandedOut:
    return KeysHandedOut(Ksid(session), is_master=is_master, key_ids=tuple(map(KeyId, keys)))


def gone(name: str) -> BatchGone:
    return BatchGone(Ksid("s"), name, is_void=True)


@pytest.mark.parametrize(
    ("records", "taken_up"),
    [
        ([], []),
        ([out("s", "a")], [out("s", "a")]),
        ([out("s", "a"), out("s", "b", "c"), out("s")], [out("s", "a", "b", "c")]),
        ([out("s", "a"), out("t", "b"), out("s", "c")], [out("s", "a"), out("t", "b"), out("s", "c")]),
        ([out("s", "a"), out("s", "b", is_master=False)], [out("s", "a"), out("s", "b", is_master=False)]),
        ([out("s", "a"), gone("x"), gone("x"), out("s", "b")], [out("s", "a"), gone("x"), gone("x"), out("s", "b")]),
    ],
    ids=["none", "one", "several", "sessions", "ends", "between"],
)
def test_hand_outs_of_one_session_at_one_end_come_as_one(records: list[Record], taken_up: list[Record]) -> None:
    assert list(together(records)) == taken_up


some_records = st.one_of(
    st.builds(out, st.sampled_from("st"), st.sampled_from("abc"), is_master=st.booleans()),
    st.builds(gone, st.sampled_from("xy")),
)


@given(st.lists(some_records, max_size=12))
def test_every_key_is_named_as_often_and_in_the_same_order(records: list[Record]) -> None:
    assert _named(together(records)) == _named(records)
    assert _named(together(together(records))) == _named(records)


def _named(records: Iterable[Record]) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for record in records:
        match record:
            case KeysHandedOut(ksid=ksid, is_master=is_master, key_ids=key_ids):
                found += [(ksid, is_master, key_id) for key_id in key_ids]
            case BatchGone(batch_id=batch_id):
                found.append((batch_id,))
            case _:
                raise AssertionError(record)
    return found
