"""The reach of a link and the best setting of its source."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import pytest

from keytwin.quantum.reach import FARTHEST, best_setting, gives_key, link_within_reach, refuse_broken
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import Decibels
from tests.quantum.shipped import generic, lossy


@dataclass(frozen=True)
class Linear:
    """A link whose blocks lose a bit a decibel."""

    loss: float
    start: float

    def outlook(self) -> tuple[float, float]:
        return self.start - self.loss, 1.0


def within(loss: float, start: float, farthest: Decibels = FARTHEST) -> Linear:
    return link_within_reach(
        generic(), lossy(loss), lambda decibels: Linear(decibels, start), lambda link: f"{link.loss:g} lost", farthest
    )


def test_a_link_with_key_is_returned_as_it_is() -> None:
    assert within(20.0, 33.0) == Linear(20.0, 33.0)
    assert gives_key(Linear(32.9, 33.0))
    assert not gives_key(Linear(33.0, 33.0))


def test_a_link_without_key_names_reason_and_reach() -> None:
    with pytest.raises(Mistake) as caught:
        within(40.0, 33.0)
    assert str(caught.value) == (
        "device generic-decoy-bb84 gives no key at 40.0 dB: 40 lost; it reaches 32.9 dB: shorten the link, or take "
        "another device"
    )


def test_a_link_that_never_has_key_is_told_so() -> None:
    with pytest.raises(Mistake, match="not even without any loss: change the device"):
        within(1.0, -1.0)


def test_the_search_for_the_reach_ends_at_the_farthest() -> None:
    with pytest.raises(Mistake, match=r"it reaches 1\d\d\.\d dB"):
        within(250.0, 150.0, Decibels(200.0))


@pytest.mark.parametrize("best", [1e-4, 0.0321, 0.4])
def test_the_best_setting_is_found_within_a_few_per_cent(best: float) -> None:
    found = best_setting(lambda value: -(log(value / best) ** 2), 1e-5, 0.5)
    assert found == pytest.approx(best, rel=0.02)
    assert float(f"{found:.4g}") == found


@pytest.mark.parametrize("slope", [1, -1])
def test_the_best_setting_stays_within_its_bounds(slope: int) -> None:
    found = best_setting(lambda value: slope * value, 0.01, 0.5)
    assert 0.01 <= found <= 0.5
    assert found == pytest.approx(0.5 if slope > 0 else 0.01, rel=1e-3)


def test_all_that_is_broken_is_said_at_once() -> None:
    refuse_broken(generic(), ((True, "fine"),))
    with pytest.raises(Mistake, match="device generic-decoy-bb84: one; three"):
        refuse_broken(generic(), ((False, "one"), (True, "two"), (False, "three")))
