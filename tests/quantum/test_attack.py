"""A link under attack: more errors in every protocol, no key by what its own estimator counts, all as before after."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from keytwin.quantum.attack import AttackedBox, attacked
from keytwin.quantum.bb84_link import Bb84Link
from keytwin.quantum.coherent_twin_estimator import CoherentTwinEstimator
from keytwin.quantum.counted_link import CountedLink
from keytwin.quantum.empirical import Empirical, empirical_link
from keytwin.quantum.gg02_link import Gg02Link
from keytwin.quantum.link import DistilledBlock, ExpectedRate, LinkModel, PerPulse
from keytwin.quantum.protocols import link_model
from keytwin.quantum.scheduled_link import ScheduledLink
from keytwin.vocabulary.units import Bits, Duration, seconds
from tests.marks import invariant
from tests.quantum.shipped import NAMES, chance, lossy, shipped

BLOCKS = 20


def link(name: str) -> LinkModel:
    return link_model(shipped(name), lossy(4.0))


def drawn(model: LinkModel, number: int = BLOCKS) -> list[DistilledBlock]:
    generator = chance()
    return [model.draw_block(generator) for _ in range(number)]


@pytest.mark.parametrize("name", NAMES)
def test_an_attacked_link_shows_the_errors_and_gives_no_key(name: str) -> None:
    calm, model = link(name), attacked(link(name), 0.2)
    before = calm.rate().qber
    blocks = drawn(model)
    seen = float(np.mean([block.qber for block in blocks]))
    assert seen == pytest.approx(before + 0.2 * (1.0 - 2.0 * before), abs=0.02)
    assert [block.secret for block in blocks] == [0] * BLOCKS
    assert model.rate().secret == pytest.approx(0.0, abs=1e-6)
    assert model.block_time == calm.block_time


@pytest.mark.parametrize("name", NAMES)
def test_a_link_under_no_attack_is_the_link_itself(name: str) -> None:
    model = link(name)
    assert attacked(model, 0.0) is model


@pytest.mark.parametrize("name", NAMES)
def test_a_little_noise_costs_key_but_not_all_of_it_where_there_is_room(name: str) -> None:
    calm, model = link(name), attacked(link(name), 0.002)
    less, before = model.rate().secret, calm.rate().secret
    assert less < before
    assert less >= 0
    if calm.rate().qber < 0.01:
        assert less > 0


@pytest.mark.parametrize("name", NAMES)
def test_the_ends_never_see_more_than_a_coin_toss(name: str) -> None:
    blocks = drawn(attacked(link(name), 0.5))
    assert all(block.secret == 0 and block.qber == pytest.approx(0.5, abs=0.06) for block in blocks)


def test_the_link_keeps_its_estimator_and_its_settings() -> None:
    """No switch turns key off: nothing but what nature does is another."""
    for name in NAMES:
        calm, model = link(name), attacked(link(name), 0.2)
        match calm, model:
            case Bb84Link(), Bb84Link():
                assert model.estimator == calm.estimator
            case Gg02Link(), Gg02Link():
                assert model.estimator == calm.estimator
            case CountedLink(), CountedLink():
                assert model.estimator == calm.estimator
                assert sum(model.cells[: model.key_cells]) == pytest.approx(sum(calm.cells[: calm.key_cells]))
                if not isinstance(calm.estimator, CoherentTwinEstimator):
                    assert sum(model.cells) == pytest.approx(sum(calm.cells))
            case Empirical(), AttackedBox():
                pass
            case _:
                raise AssertionError(name)


@invariant("V20")
@pytest.mark.parametrize("share", [0.1, 0.4, 1.0])
def test_intercepting_a_share_of_the_pulses_is_a_quarter_of_it_as_error_rate(share: float) -> None:
    model = link("generic-decoy-bb84")
    before = model.rate().qber
    seen = [block.qber for block in drawn(attacked(model, share / 4.0))]
    sifted = drawn(model)[0].sifted
    expected = before + share / 4.0 * (1.0 - 2.0 * before)
    assert float(np.mean(seen)) == pytest.approx(expected, abs=4.0 * (expected / sifted / BLOCKS) ** 0.5)


def test_a_scheduled_link_is_attacked_in_its_light() -> None:
    model = ScheduledLink(link("generic-decoy-bb84"), 0.25)
    under = attacked(model, 0.2)
    assert isinstance(under, ScheduledLink)
    assert under.share == 0.25
    assert {block.secret for block in drawn(under)} == {0}
    assert {block.duration for block in drawn(under)} == {block.duration for block in drawn(model)}


class PluggedIn:
    """A model of which keytwin knows the interface only."""

    block_time: Duration = seconds(1)

    def rate(self) -> ExpectedRate:
        return ExpectedRate(1_000.0, 0.01)

    def per_pulse(self) -> PerPulse:
        return PerPulse()

    def draw_block(self, generator: np.random.Generator) -> DistilledBlock:
        return DistilledBlock(self.block_time, Bits(1_000), float(generator.normal(0.01, 0.001)), Bits(0))


def test_what_a_plug_in_brings_is_shortened_by_its_errors() -> None:
    blocks = drawn(attacked(PluggedIn(), 0.03))
    assert all(0 < block.secret < 800 for block in blocks)
    assert all(block.secret == 0 for block in drawn(attacked(PluggedIn(), 0.11)))


def test_a_box_that_already_has_too_many_errors_gives_nothing_under_attack() -> None:
    box = empirical_link(replace(shipped("empirical-black-box"), qber=0.12), lossy(4.0))  # type: ignore[call-arg]
    assert {block.secret for block in drawn(attacked(box, 0.001))} == {0}


def test_the_shipped_devices_cover_every_kind_of_link() -> None:
    kinds = {type(link(name)) for name in NAMES}
    assert {Bb84Link, Empirical} <= kinds
