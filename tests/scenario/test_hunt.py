"""The hunt itself: equal seeds are equal whoever runs them, and every kind of finding is told."""

from __future__ import annotations

import pytest

from keytwin.control.admission import Admission
from keytwin.keymanagement.manager import KeyManager
from keytwin.runtime.simulation import Simulation
from keytwin.scenario.hunt import Hunt, hunt, run_seed
from keytwin.scenario.hunt_network import Design
from keytwin.scenario.hunt_oracles import Broken
from keytwin.scenario.hunt_storm import KINDS
from keytwin.vocabulary.identity import ADMISSION, km_of
from keytwin.vocabulary.machine import Effect, Message
from keytwin.vocabulary.units import Instant, seconds
from tests.marks import invariant

Patch = pytest.MonkeyPatch


@pytest.mark.slow
def test_outcomes_come_in_order_and_are_the_same_by_any_number_of_processes() -> None:
    alone = list(hunt(range(2, 6)))
    assert [each.seed for each in alone] == [2, 3, 4, 5]
    assert list(hunt(range(2, 6), jobs=2)) == alone
    assert len({each.digest for each in alone}) == 4


def test_an_outcome_tells_what_was_done_to_it_and_what_it_did() -> None:
    outcome = run_seed(None, 1)
    assert outcome.broken == ""
    assert outcome.faults.keys() == set(KINDS)
    assert sum(outcome.faults.values())
    assert outcome.keys
    assert outcome.sessions
    assert outcome.sealed
    assert outcome.messages > outcome.sealed


def test_nodes_are_as_many_as_wanted() -> None:
    assert len(Hunt(1, 9).blueprint.topology.nodes) == 9


@pytest.mark.parametrize("seed", [1, 2])
def test_a_run_in_which_nothing_got_through_is_a_violation(seed: int, monkeypatch: Patch) -> None:
    def silence(simulation: Simulation) -> None:
        simulation.wires.tamper(lambda *_: None)  # every message is lost, for good
        monkeypatch.setattr(simulation.wires, "tamper", lambda _: None)

    with pytest.raises(Broken, match="work: only 0 keys reached both ends"):
        Hunt(seed, None, Design(), silence).run()


def test_a_stale_session_of_the_storm_is_waited_out_before_work_is_judged() -> None:
    outcome = run_seed(6, 69)  # one end kept its session over the calm, the other had lost it
    assert outcome.broken == ""
    assert outcome.keys


def test_an_error_of_a_machine_is_told_with_its_place(monkeypatch: Patch) -> None:
    def fall(self: KeyManager, message: Message, now: Instant) -> list[Effect]:
        del self, message, now
        raise ZeroDivisionError("of nothing")

    monkeypatch.setattr(KeyManager, "receive", fall)
    broken = run_seed(None, 3).broken
    assert broken.startswith("error: ZeroDivisionError: of nothing; seed 3, at ")
    assert "km/" in broken


@invariant("S1")
def test_a_session_that_is_open_is_a_promise_and_after_its_end_there_is_none() -> None:
    hunted = Hunt(2)
    hunted._ask()
    hunted.simulation.start()
    hunted.simulation.run(Instant(seconds(20)))
    admission = hunted.simulation.machine(ADMISSION)
    assert isinstance(admission, Admission)
    assert not admission.ledger.is_empty
    with pytest.raises(Broken, match="S1: admission still reserves"):
        hunted._assert_nothing_is_promised()
    hunted.simulation.run(Instant(seconds(400)))
    assert admission.ledger.is_empty


@invariant("S1")
def test_a_key_manager_that_keeps_something_is_a_violation(monkeypatch: Patch) -> None:
    monkeypatch.setattr("keytwin.scenario.hunt.END", 15)
    broken = run_seed(None, 2).broken
    assert broken.startswith("S1: left at n")


def test_books_are_looked_at_while_it_runs(monkeypatch: Patch) -> None:
    def forged(managers: list[KeyManager]) -> None:
        assert managers
        raise Broken("P5: forged")

    monkeypatch.setattr("keytwin.scenario.hunt.assert_books_close", forged)
    assert run_seed(None, 1).broken == "P5: forged"


def test_one_that_is_down_keeps_no_books() -> None:
    hunted = Hunt(1)
    hunted.simulation.start()
    everyone = len(hunted._key_managers())
    hunted.simulation.stop(km_of(hunted.blueprint.topology.nodes[0].id))
    assert len(hunted._key_managers()) == everyone - 1
