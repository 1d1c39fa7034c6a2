"""Trials: apps that ask at their rate while something fails, and what the clock says of it."""

from __future__ import annotations

import pytest

from keytwin.files.network import read_network
from keytwin.scenario.trial import Trialled, run_trial, trial_of
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.identity import AppId, LinkId
from keytwin.vocabulary.timeline import Action, CutLink
from keytwin.vocabulary.units import Instant, minutes, seconds

SEED = 7


def outcome(blueprint: Blueprint, *failures: Action) -> Trialled:
    return run_trial(trial_of(blueprint, failures), SEED)


@pytest.fixture(scope="module")
def ring() -> Blueprint:
    return read_network("ring5")


@pytest.mark.slow
def test_apps_get_what_they_were_granted(ring: Blueprint) -> None:
    calm = outcome(ring)
    assert not calm.evidence.failures
    for app in ring.apps:
        seen = calm.of(app.id)
        granted = ring.sla_of(app).rate
        assert seen.rate == pytest.approx(granted, rel=0.1)
        assert seen.rate_after == pytest.approx(granted, rel=0.1)
        assert seen.availability == 1.0
        assert seen.set_up is not None
        assert seen.set_up < seconds(5)
        assert seen.latency is not None
    with pytest.raises(KeyError):
        calm.of(AppId("nobody"))


@pytest.mark.slow
def test_a_cut_is_gone_round_and_the_time_it_takes_is_seen(ring: Blueprint) -> None:
    app = ring.apps[0]
    first, second = (end.node for end in app.ends)
    near = next(link.id for link in ring.topology.links if first in link.ends)
    cut = outcome(ring, CutLink(near))
    seen = cut.of(app.id)
    assert seen.restoration is not None
    assert seen.restoration < seconds(10)
    assert seen.rate_after > 0
    assert {first, second} <= {node.id for node in ring.topology.nodes}


@pytest.mark.slow
def test_an_app_without_another_way_gets_nothing_more() -> None:
    star = read_network("star6")
    cut = outcome(star, CutLink(LinkId("km0--km1")))
    lost, kept = cut.of(AppId("app01")), cut.of(AppId("app23"))
    assert lost.rate > 0
    assert (lost.rate_after, lost.restoration) == (0.0, None)
    assert lost.availability < 0.6
    assert kept.rate_after == pytest.approx(kept.rate, rel=0.1)


def test_a_trial_begins_when_every_link_has_key_and_lasts_for_ten_rare_requests() -> None:
    star = trial_of(read_network("star6"))
    assert star.opened == Instant(seconds(11))  # a block of a second, and some time to settle
    assert star.failed - star.opened == star.ended - star.failed == minutes(1)
    passes = trial_of(read_network("micius"))
    assert passes.failed - passes.opened >= seconds(2_560)  # ten keys of 256 bit at 1 bit/s


@pytest.mark.slow
def test_equal_seeds_give_equal_outcomes(ring: Blueprint) -> None:
    trial = trial_of(ring)
    assert run_trial(trial, 3) == run_trial(trial, 3)
