"""What is known of each protocol of the family: told, with its sources, and not more than is proven."""

from __future__ import annotations

import pytest

from keytwin.quantum.protocols import PROTOCOLS
from keytwin.quantum.traits import Proof, Threat

FAMILY = ("decoy-bb84", "empirical", "bb84-one-decoy", "bb84-no-decoy", "bb84-single-photon", "sarg04")


@pytest.mark.parametrize("name", FAMILY)
def test_each_trait_has_a_source(name: str) -> None:
    traits = PROTOCOLS[name].traits
    assert set(traits.sources) == {"proof", "trl"}
    assert all(len(source) > 20 for source in traits.sources.values())
    assert traits.is_repeaterless


@pytest.mark.parametrize("name", ["empirical", "sarg04"])
def test_a_measured_rate_proves_nothing(name: str) -> None:
    assert PROTOCOLS[name].traits.proof is Proof.NONE


@pytest.mark.parametrize("name", [name for name in FAMILY if "bb84" in name])
def test_what_is_proven_covers_finite_keys_and_pulses_with_several_photons(name: str) -> None:
    traits = PROTOCOLS[name].traits
    assert traits.proof is Proof.FINITE
    assert Threat.PHOTON_SPLITTING in traits.threats
