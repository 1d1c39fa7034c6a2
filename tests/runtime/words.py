"""The messages, records and elements of toy networks in the runtime's tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from keytwin.runtime.simulation import Simulation
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Effect, Machine, Message, Record
from keytwin.vocabulary.units import Duration, milliseconds
from tests.fakes.scripted import Scripted

HERE: Final = ElementName("km/here")
THERE: Final = ElementName("km/there")
LATENCY: Final = milliseconds(5)


class Say(Message, frozen=True, gc=False):
    """Something to tell apart from others."""

    number: int


class Ring(Message, frozen=True, gc=False):
    """What a timer brings."""

    name: str = ""


class Kept(Record, frozen=True, gc=False):
    """Something to find again."""

    number: int


def constant(source: ElementName, target: ElementName) -> Duration:
    del source, target
    return LATENCY


def network(machines: Mapping[ElementName, Machine], *, seed: int = 1, keep_records: bool = False) -> Simulation:
    """Start a simulation of these machines; a restart brings back the very same object."""
    simulation = Simulation(seed, constant, keep_records=keep_records)
    for name, machine in machines.items():
        simulation.add(name, giving(machine))
    simulation.start()
    return simulation


def giving(machine: Machine) -> Callable[[], Machine]:
    return lambda: machine


def numbers(machine: Scripted) -> list[int]:
    """Give the numbers of all `Say`s that a machine received."""
    return [message.number for _, message in machine.received if isinstance(message, Say)]


def answering(*effects: Effect) -> Scripted:
    """Return a machine that gives these effects to every `Say`."""
    return Scripted(lambda message, _: list(effects) if isinstance(message, Say) else [])


def first(*effects: Effect) -> Scripted:
    """Return a machine that gives these effects at its start."""
    return Scripted(first=effects)


def published(simulation: Simulation) -> list[tuple[int, ElementName, object]]:
    """Collect what a simulation publishes from now on."""
    heard: list[tuple[int, ElementName, object]] = []
    simulation.subscribe(lambda at, element, event: heard.append((at, element, event)))
    return heard
