"""Following the events of a network that stops: its faces close first, and its state is given up last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module

import pytest

events = import_module("keytwin.cli.events")  # by its name, the package has the command instead


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PAUSE", 0.0)


def looks(answers: str) -> tuple[Callable[[], bool], list[str]]:
    """Return what gives one answer after the other, y for there and n for gone, and the answers that are left."""
    left = list(answers)

    def look() -> bool:
        return left.pop(0) == "y"

    return look, left


def test_a_network_that_goes_while_we_look_has_stopped() -> None:
    look, left = looks("yyny")
    assert not events._stays(look)
    assert left == ["y"]  # nobody looks again once it is gone


def test_a_network_that_is_gone_is_looked_at_once() -> None:
    look, left = looks("ny")
    assert not events._stays(look)
    assert left == ["y"]


def test_a_network_that_stays_is_believed_after_a_bounded_number_of_looks() -> None:
    look, left = looks("y" * (events.STOPPING + 1))
    assert events._stays(look)
    assert left == ["y"]


def test_looking_takes_long_enough_for_a_journal_to_be_closed() -> None:
    seconds = events.STOPPING * 0.5  # the pause that users have
    assert 5 <= seconds <= 60


@pytest.mark.parametrize("gone_after", range(4))
def test_however_long_it_takes_within_the_bound(gone_after: int) -> None:
    def answers() -> Iterator[bool]:
        yield from [True] * gone_after
        yield False

    given = answers()
    assert not events._stays(lambda: next(given))
