"""O1: a snapshot restores what all records before it restored, wherever it is taken and however often."""

from __future__ import annotations

import pytest

from keytwin.vocabulary.identity import ElementName
from tests.marks import invariant
from tests.runtime.shortening import books, golden, restored, short

SAVED = golden()
NAMES = [name for name, saved in SAVED.items() if saved]
each_element = pytest.mark.parametrize("name", NAMES)


def places(count: int, most: int) -> list[int]:
    """Give some places in a list, the first and the last among them."""
    return sorted({*range(0, count + 1, max(1, count // most)), count})


@invariant("O1")
@each_element
def test_o1_a_machine_does_and_says_the_same_from_a_snapshot_as_from_all_records(name: ElementName) -> None:
    for length in places(len(SAVED[name]), 40):
        saved = SAVED[name][:length]
        machine, said = restored(name, saved)
        again, said_again = restored(name, short(name, saved))
        assert said_again == said, length
        assert books(again) == books(machine), length


@invariant("O1")
@each_element
def test_o1_a_snapshot_of_a_snapshot_and_what_came_since_is_that_of_all(name: ElementName) -> None:
    whole = short(name, SAVED[name])
    assert short(name, whole) == whole
    for length in places(len(SAVED[name]), 40):
        assert short(name, [*short(name, SAVED[name][:length]), *SAVED[name][length:]]) == whole, length
