"""Play a timeline on a simulated network and give evidence of what came of it: Scenario -> Evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Protocol, runtime_checkable

import msgspec

from keytwin.network import Plugins, simulate
from keytwin.runtime.simulation import Simulation
from keytwin.runtime.wiring import SAE_PREFIX
from keytwin.scenario.judgement import Witness, unmet
from keytwin.scenario.ledger import app_evidence, compare, open_books, shortfalls, trespasses
from keytwin.scenario.timeline import orders
from keytwin.service.application import Application
from keytwin.vocabulary.blueprint import App, Blueprint
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.evidence import AppEvidence, Evidence, KeyAccount, LinkAccount
from keytwin.vocabulary.identity import ElementName, km_of, sae_element
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.timeline import (
    Action,
    MessageFaults,
    RestartElement,
    Scenario,
    StopElement,
)
from keytwin.vocabulary.units import START, Instant, after

Listener = Callable[[Instant, ElementName, Event], None]


@runtime_checkable
class Accountable(Protocol):
    """A machine that keeps the books of key."""

    def link_accounts(self) -> tuple[LinkAccount, ...]:
        """Return the books of both directions of each link that ends here."""
        ...

    def key_account(self) -> KeyAccount:
        """Return the books of end-to-end keys."""
        ...


def run_scenario(
    scenario: Scenario, seed: int, listeners: Iterable[Listener] = (), plugins: Plugins | None = None
) -> Evidence:
    """Put the scenario's network on a simulation and run its timeline; equal seeds give equal runs."""
    # Records cost memory and time: they are kept only when somebody will read them.
    is_restarted = any(isinstance(step.action, RestartElement) for step in scenario.steps)
    simulation = simulate(scenario.blueprint, seed, plugins, keep_records=is_restarted)
    return play(scenario, simulation, listeners)


def play(scenario: Scenario, simulation: Simulation, listeners: Iterable[Listener] = ()) -> Evidence:
    """Run a network that has not started yet through a timeline, and judge it; `listeners` hear every event."""
    witness = Witness()
    for listener in (witness.see, *listeners):
        simulation.subscribe(listener)
    simulation.start()
    # Steps of one instant are planned, and so happen, in the order of the timeline.
    end = after(START, scenario.duration)
    for step in scenario.steps:
        if step.at <= end:
            witness.step(step.at, step.action)
        _plan(step.at, step.action, scenario.blueprint, simulation)
    simulation.run(end)
    return _evidence(scenario, simulation, witness)


def _plan(at: Instant, action: Action, blueprint: Blueprint, simulation: Simulation) -> None:
    match action:
        case StopElement(element=element) | RestartElement(element=element) if element.startswith(SAE_PREFIX):
            # Its book, which the run is judged by, would go with it.
            raise Mistake(f"{element} is a customer of the network, not an element of it: it cannot be stopped")
        case StopElement(element=element):
            simulation.at(at, partial(simulation.stop, element))
        case RestartElement(element=element):
            simulation.at(at, partial(simulation.restart, element))
        case MessageFaults():
            simulation.at(at, partial(simulation.disturb, action))
        case _:
            for to, message in orders(action, blueprint):
                simulation.inject(at, to, message)


def _evidence(scenario: Scenario, simulation: Simulation, witness: Witness) -> Evidence:
    keepers = list(_keepers(scenario.blueprint, simulation))
    links = tuple(account for keeper in keepers for account in keeper.link_accounts())
    keys = tuple(keeper.key_account() for keeper in keepers)
    apps, broken = _apps(scenario.blueprint, simulation, witness)
    evidence = Evidence(
        name=scenario.name,
        seed=simulation.seed,
        duration=scenario.duration,
        messages=simulation.messages,
        apps=apps,
        links=links,
        keys=keys,
        notices=(*witness.notices(), *shortfalls(apps)),
    )
    # What was expected and what must always hold are told alike: either makes the run a failure.
    failures = (*unmet(scenario.expect, apps, witness), *broken, *open_books(links, keys))
    return msgspec.structs.replace(evidence, failures=failures)


def _apps(blueprint: Blueprint, simulation: Simulation, witness: Witness) -> tuple[tuple[AppEvidence, ...], list[str]]:
    """Return what each app got, and the rules that may never break but did."""
    found: list[AppEvidence] = []
    broken: list[str] = []
    for app in blueprint.apps:
        ends = _ends(app, simulation)
        compared = compare(ends[0].book(app.id), ends[-1].book(app.id))
        found.append(app_evidence(app, ends, compared, witness.hops.get(app.id)))
        broken += trespasses(app, compared)
    return tuple(found), broken


def _ends(app: App, simulation: Simulation) -> list[Application]:
    """Return the applications of an app: two, or the one of a selfpair."""
    saes = dict.fromkeys(end.sae for end in app.ends)
    machines = [simulation.machine(sae_element(sae)) for sae in saes]
    applications = [machine for machine in machines if isinstance(machine, Application)]
    assert len(applications) == len(saes)
    return applications


def _keepers(blueprint: Blueprint, simulation: Simulation) -> Iterator[Accountable]:
    """Give the key managers that run at the end; a stopped one's books are closed to us."""
    for node in blueprint.topology.nodes:
        # As an object: a type checker can't know that some machines keep books.
        machine: object = simulation.machine(km_of(node.id))
        if isinstance(machine, Accountable):
            yield machine
