"""Paper B's Fig. 4 live: the same kinds of events in the same order as in simulation, and equal keys."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

from keytwin.operation.office import Office
from keytwin.scenario.ledger import compare
from keytwin.scenario.load import load
from keytwin.scenario.run import run_scenario
from keytwin.scenario.timeline import orders
from keytwin.service.application import Application
from keytwin.vocabulary.events import (
    KeyAsked,
    KeysAnswered,
    KeysReady,
    KeysRelayed,
    SessionConfigured,
    SessionOver,
    SessionReleased,
    SessionRequested,
    UserAuthenticated,
)
from keytwin.vocabulary.identity import AppId, ElementName, Ksid, NodeId, sae_element
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.timeline import CloseApp, Scenario
from keytwin.vocabulary.units import Instant
from tests.marks import clause
from tests.operation.live import emulated, heard, on_uvloop, settings

SPEED = 60.0  # the first key after one second instead of one minute
AT_KEY_MANAGERS = (
    SessionRequested,
    UserAuthenticated,
    SessionConfigured,
    KeyAsked,
    KeysReady,
    KeysRelayed,
    KeysAnswered,
    SessionOver,
)
Place = tuple[AppId, NodeId]
Story = dict[tuple[AppId, NodeId, str], list[str]]

# What a key manager does for one session goes on in strands that know nothing of each other: keys of its own making,
# keys that its slave collects, keys of others that it hands on. Within a strand there is one order.
STRANDS = {
    KeyAsked: ("master",),
    KeysReady: ("master",),
    KeysRelayed: ("relay",),
    SessionRequested: ("master", "slave"),
    UserAuthenticated: ("master", "slave"),
    SessionConfigured: ("master", "slave", "relay"),
    SessionOver: ("master", "slave", "relay"),
}


def figure() -> Scenario:
    scenario = load("star6/fig4")
    assert isinstance(scenario, Scenario)
    return scenario


class Chronicle:
    """For each session, key manager and strand, the kinds of events in the order in which each first came."""

    def __init__(self) -> None:
        self.apps: dict[Ksid, AppId] = {}
        self.told: list[Event] = []

    def __call__(self, at: Instant, element: ElementName, event: Event) -> None:
        del at, element
        if isinstance(event, AT_KEY_MANAGERS):
            self.told.append(event)
        if isinstance(event, SessionConfigured) and event.app is not None:
            self.apps[event.ksid] = event.app

    def story(self) -> Story:
        story: Story = defaultdict(list)
        for event in self.told:
            for strand in _strands(event):
                kinds = story[*self._place(event), strand]
                if (kind := type(event).__name__) not in kinds:
                    kinds.append(kind)
        return dict(story)

    def _place(self, event: Event) -> Place:
        match event:
            case SessionRequested() | UserAuthenticated():
                return event.app, event.node
            case SessionConfigured() | KeyAsked() | KeysReady() | KeysRelayed() | KeysAnswered() | SessionOver():
                return self.apps[event.ksid], event.node
            case _:
                raise AssertionError(event)


def _strands(event: Event) -> tuple[str, ...]:
    if isinstance(event, KeysAnswered):
        return ("master",) if event.is_master else ("slave",)
    return STRANDS[type(event)]


async def play(office: Office, scenario: Scenario) -> None:
    """Do at once what the figure does at 0 s, and close when every key has been answered at both ends."""
    answered: set[tuple[NodeId, bool]] = set()
    released: set[Ksid] = set()

    def note(_: Instant, __: ElementName, event: Event) -> None:
        if isinstance(event, KeysAnswered):
            answered.add((event.node, event.is_master))

    office.network.live.listeners.append(note)
    ready = asyncio.create_task(heard(office, lambda *_: len(answered) == 6))
    for step in scenario.steps:
        if not isinstance(step.action, CloseApp):
            order(office, scenario, step.action)
    await ready

    def is_over(_: ElementName, event: Event) -> bool:
        if isinstance(event, SessionReleased):
            released.add(event.ksid)
        return len(released) == 3

    over = asyncio.create_task(heard(office, is_over))
    for step in scenario.steps:
        if isinstance(step.action, CloseApp):
            order(office, scenario, step.action)
    await over


def order(office: Office, scenario: Scenario, action: object) -> None:
    for to, message in orders(action, scenario.blueprint):  # type: ignore[arg-type]  # of the scenario's own steps
        office.network.live.post(to, message)


def books_are_equal(office: Office, scenario: Scenario) -> Iterable[tuple[int, int]]:
    for app in scenario.blueprint.apps:
        machines = [office.network.live.machine(sae_element(end.sae)) for end in app.ends]
        first, second = (machine.book(app.id) for machine in machines if isinstance(machine, Application))
        compared = compare(first, second)
        yield compared.pairs, compared.equal


@pytest.mark.slow
@clause("paper B, Lopez et al., IEEE Network 2025", "Fig. 4")
def test_the_live_figure_tells_the_same_story_as_the_simulated_one(tmp_path: Path) -> None:
    scenario = figure()
    simulated, live = Chronicle(), Chronicle()
    evidence = run_scenario(scenario, 7, [simulated])
    assert evidence.equal == 3

    async def body() -> None:
        async with emulated(settings(scenario.blueprint, tmp_path / "state", SPEED)) as office:
            office.network.live.listeners.append(live)
            await play(office, scenario)
            assert list(books_are_equal(office, scenario)) == [(1, 1)] * 3

    on_uvloop(body())
    assert live.story() == simulated.story()
    assert {place[:2] for place in live.story()} == {
        *((AppId("app01"), NodeId(km)) for km in ("km0", "km1")),
        *((AppId("app23"), NodeId(km)) for km in ("km2", "km0", "km3")),
        *((AppId("app45"), NodeId(km)) for km in ("km4", "km5")),
    }
    assert live.story()[AppId("app23"), NodeId("km0"), "relay"] == ["SessionConfigured", "KeysRelayed", "SessionOver"]
