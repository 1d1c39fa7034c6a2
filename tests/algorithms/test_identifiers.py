"""Identifiers: UUIDs of version 4, the same whether they are made one by one or together."""

from __future__ import annotations

import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.algorithms.identifiers import FEW, TOGETHER, UUID_OCTETS, uuids
from keytwin.vocabulary.identity import parse_uuid


@given(st.binary(min_size=32, max_size=32))
def test_identifiers_are_version_4_uuids_in_canonical_text(octets: bytes) -> None:
    made = uuids(octets)
    assert [str(uuid.UUID(text)) for text in made] == made
    assert [uuid.UUID(text).version for text in made] == [4, 4]
    assert all(uuid.UUID(text).variant == uuid.RFC_4122 for text in made)
    assert [parse_uuid(text) for text in made] == made


@pytest.mark.parametrize("number", [0, 1, FEW, FEW + 1, TOGETHER - 1, TOGETHER, TOGETHER + 1, 2 * TOGETHER + FEW])
@given(st.randoms(use_true_random=False))
def test_many_uuids_at_once_are_those_made_one_by_one(number: int, dice: random.Random) -> None:
    octets = dice.randbytes(UUID_OCTETS * number)
    one_by_one = [octets[start : start + UUID_OCTETS] for start in range(0, len(octets), UUID_OCTETS)]
    assert uuids(octets) == [made for each in one_by_one for made in uuids(each)]
