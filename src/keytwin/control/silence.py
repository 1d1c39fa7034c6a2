"""Which key managers answer none of their neighbours: what an operator should be told in one word. Paper B, 3.2."""

from __future__ import annotations

from typing import Final

from keytwin.control.alarms import Watch
from keytwin.vocabulary.events import AlarmRaised
from keytwin.vocabulary.identity import LinkId, NodeId, link_ends
from keytwin.vocabulary.machine import Effect, Publish


class Silence:
    """Compares what the neighbours of a node report of their tests. The controller is told link by link, not here."""

    def __init__(self) -> None:
        self._watches: Final[dict[NodeId, list[Watch]]] = {}
        self._silent: Final[dict[NodeId, list[LinkId]]] = {}  # with the links on which it was told

    def add(self, watch: Watch) -> None:
        """Look at one more link."""
        for node in link_ends(watch.link):
            self._watches.setdefault(node, []).append(watch)

    def review(self, tested: NodeId) -> list[Effect]:
        """Tell when the tests of all neighbours of a node have become vain, or one of them no longer is."""
        told = self._silent.get(tested)
        links = self._links_in_vain(tested)
        if bool(links) == bool(told):
            return []
        if links:
            self._silent[tested] = links
        else:
            links = self._silent.pop(tested)
        return [Publish(AlarmRaised(link, f"{tested} does not answer", is_on=told is None)) for link in links]

    def _links_in_vain(self, tested: NodeId) -> list[LinkId]:
        """Return the links of a node on which it does not answer, but none when it does on one of them."""
        vain: list[LinkId] = []
        for watch in self._watches.get(tested, []):
            first, second = link_ends(watch.link)
            neighbour = second if tested == first else first
            tests = watch.tests.get(neighbour)
            if tests is None or neighbour in self._silent:
                continue  # nobody there who could tell
            if not tests.is_in_vain:
                return []
            vain.append(watch.link)
        return vain
