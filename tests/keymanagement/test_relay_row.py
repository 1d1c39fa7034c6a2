"""Keys over one, two and three Q-links: DESIGN of the relay as its users see it."""

from __future__ import annotations

import pytest

from keytwin.vocabulary.units import Bits, seconds
from tests.keymanagement.bench import FIRST, SECOND, Row


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_both_ends_get_the_same_keys(hops: int) -> None:
    row = Row(hops=hops)
    row.open()
    row.run(seconds(3))
    assert row.is_open()
    assert row.pair(FIRST, "a")
    assert row.pair(SECOND, "b", number=5)
    assert row.pair(FIRST, "c", number=2, size=Bits(512))
    row.assert_books_close()
