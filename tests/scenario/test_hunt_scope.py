"""What of a run takes place, how it is typed, and how a finding is made smaller."""

from __future__ import annotations

import pytest

from keytwin.keymanagement import carriage
from keytwin.scenario.hunt import rule_of, run_seed, smaller
from keytwin.scenario.hunt_scope import ALL, BEYOND_CRASHES, FAMILIES, MOST_TRIES, STORM, Scope, shrunk
from keytwin.vocabulary.exchange_messages import RelayKeys
from keytwin.vocabulary.units import Instant, seconds

EVERY = frozenset(FAMILIES)
APPS = frozenset({"a0", "a1", "a2"})


def test_a_seed_draws_what_one_sound_disk_survives_and_a_name_brings_the_rest() -> None:
    assert {family for family in FAMILIES if not ALL.has(family)} == BEYOND_CRASHES
    assert Scope(frozenset({"rot"})).has("rot")
    assert not Scope(frozenset({"rot"})).has("kills")


def test_a_storm_has_a_beginning_and_an_end() -> None:
    short = Scope(storm_ends=6)
    assert [short.is_stormy(Instant(seconds(at))) for at in (1, 2, 6, 7)] == [False, True, True, False]


def test_options_are_what_to_type() -> None:
    assert ALL.options() == ""
    assert Scope(frozenset()).options() == " --only none"
    told = " --only flips,kills --apps a0,a2 --storm-ends 9"
    assert Scope(frozenset({"kills", "flips"}), frozenset({"a2", "a0"}), 9).options() == told


def test_what_does_not_matter_is_left_out() -> None:
    def breaks(scope: Scope) -> bool:
        return scope.only is not None and {"kills", "flips"} <= scope.only and scope.storm_ends >= 7

    assert shrunk(ALL, EVERY, APPS, breaks) == Scope(frozenset({"kills", "flips"}), frozenset({"a2"}), 9)


def test_what_cannot_be_made_smaller_stays_and_the_tries_are_few() -> None:
    tried: list[Scope] = []

    def never(scope: Scope) -> bool:
        tried.append(scope)
        return False

    assert shrunk(ALL, EVERY, APPS, never) == ALL
    assert len(tried) == len(set(tried)) <= MOST_TRIES


def test_an_error_is_told_apart_by_its_type() -> None:
    assert rule_of("K1: key k was handed twice") == "K1"
    assert rule_of("error: KeyError: 3; seed 1") == "error: KeyError"
    assert rule_of("") == ""


@pytest.mark.slow
def test_a_planted_fault_is_shown_by_a_smaller_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def unseal(sealed: RelayKeys, key: bytearray, **_: object) -> bytearray:
        plain = bytearray(left ^ right for left, right in zip(sealed.ciphertext, key[32:], strict=False))
        return plain + key[64:] if sealed.is_central else plain

    monkeypatch.setattr(carriage, "unseal", unseal)
    only = frozenset({"flips", "messages", "pauses"})
    found = next(each for each in (run_seed(None, seed, Scope(only)) for seed in range(1, 30)) if each.broken)
    part = smaller(found, None, Scope(only))
    assert part.only == frozenset({"flips"})
    assert part.storm_ends < STORM[1]
    assert rule_of(run_seed(None, found.seed, part).broken) == rule_of(found.broken)
    assert smaller(found, None, Scope(only)) == part
