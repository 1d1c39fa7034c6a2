"""A key manager that stops is noticed by its neighbours, whichever end of its links it is, and so is its return."""

from __future__ import annotations

from functools import partial
from typing import Final

import pytest

from keytwin.files.network import read_network
from keytwin.network import simulate
from keytwin.runtime.simulation import Simulation
from keytwin.vocabulary.events import AlarmRaised, LinkStatusChanged
from keytwin.vocabulary.identity import ElementName, LinkId
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.units import Instant, after, seconds

STOPPED_AT: Final = Instant(seconds(60))
RESTARTED_AT: Final = Instant(seconds(90))
NOTICED_WITHIN: Final = seconds(15)  # three periods of the active test
OVER_WITHIN: Final = seconds(60)


class Operator:
    """What an operator sees of a network in which a key manager stops and comes back."""

    def __init__(self, dead: str) -> None:
        self.simulation: Final[Simulation] = simulate(read_network("star6"), 1, keep_records=True)
        self.silent: Final[dict[str, set[LinkId]]] = {}
        self.dark: Final[set[LinkId]] = set()
        self.simulation.subscribe(self._see)
        self.simulation.at(STOPPED_AT, partial(self.simulation.stop, ElementName(f"km/{dead}")))
        self.simulation.at(RESTARTED_AT, partial(self.simulation.restart, ElementName(f"km/{dead}")))
        self.simulation.start()

    def _see(self, _: Instant, __: ElementName, event: Event) -> None:
        if isinstance(event, AlarmRaised):
            links = self.silent.setdefault(event.cause, set())
            (links.add if event.is_on else links.discard)(event.link)
        elif isinstance(event, LinkStatusChanged):
            (self.dark.discard if event.status == "ACTIVE" else self.dark.add)(event.link)

    def on(self) -> dict[str, set[LinkId]]:
        """Return the alarms that are on, but for those that say which test failed."""
        return {cause: links for cause, links in self.silent.items() if links and "answer" in cause.split()}


@pytest.mark.parametrize(
    ("dead", "links"),
    [
        ("km0", {"km0--km1", "km0--km2", "km0--km3", "km0--km4", "km0--km5"}),  # the first node of all its links
        ("km5", {"km0--km5", "km4--km5"}),  # the second node of all its links
        ("km4", {"km0--km4", "km4--km5"}),
    ],
)
def test_a_dead_key_manager_is_named_soon_and_its_links_are_left_until_it_is_back(dead: str, links: set[str]) -> None:
    operator = Operator(dead)
    operator.simulation.run(STOPPED_AT)
    assert (operator.on(), operator.dark) == ({}, set())
    operator.simulation.run(after(STOPPED_AT, NOTICED_WITHIN))
    assert operator.on() == {f"{dead} does not answer": links}
    assert operator.dark == links
    operator.simulation.run(after(RESTARTED_AT, OVER_WITHIN))
    assert (operator.on(), operator.dark) == ({}, set())
