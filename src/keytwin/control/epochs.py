"""The routes of one session by epoch, and which key managers may still hold which of them.

Paper B waits for all confirmations of a deletion; a dead key manager would block that for ever, so a route also counts
as gone when its lease has surely expired. Nothing is given back before (invariant S1).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from keytwin.vocabulary.identity import NodeId
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.units import Instant


@dataclass(slots=True)
class Epochs:
    """The newest route is in use, or about to be; older ones are retired until nothing of them is left."""

    newest: int = 0
    floor: int = 0  # some key manager has buried everything up to this epoch
    routes: dict[int, Route] = field(default_factory=dict)
    _sent: dict[NodeId, int] = field(default_factory=dict)  # the highest epoch a key manager may hold
    _gone: dict[NodeId, int] = field(default_factory=dict)  # everything up to this epoch is surely gone there
    _confirmed: set[NodeId] = field(default_factory=set)  # of the newest epoch
    retired: dict[int, Instant] = field(default_factory=dict)
    """Older routes of which something may be left, and when their lease has surely expired."""

    @property
    def route(self) -> Route | None:
        """The newest route, None before the first and after the last."""
        return self.routes.get(self.newest)

    @property
    def next_number(self) -> int:
        """The number of the epoch to come: above all that any key manager has seen."""
        return max(self.newest, self.floor) + 1

    def adopt(self, route: Route, retired_until: Instant) -> None:
        """Make `route` the newest; the one before is gone at `retired_until` at the latest."""
        if self.route is not None:
            self.retired[self.newest] = retired_until
        self.newest = self.next_number
        self._hold(self.newest, route)
        self._confirmed.clear()

    def restore(self, routes: dict[int, Route], newest: int, retired_until: Instant) -> None:
        """Take up what was saved: every key manager may still hold everything that it was ever sent."""
        self.newest = newest
        for epoch, route in sorted(routes.items()):
            self._hold(epoch, route)
            if epoch != newest:
                self.retired[epoch] = retired_until

    def confirm(self, node: NodeId, epoch: int) -> None:
        """A key manager has this epoch, so nothing older."""
        self.clear(node, epoch - 1)
        if epoch >= self.newest and node in self._sent:
            self._confirmed.add(node)

    def doubt(self, node: NodeId) -> None:
        """A key manager says that it does not have what it had confirmed."""
        self._confirmed.discard(node)

    def clear(self, node: NodeId, epoch: int) -> None:
        """Nothing up to `epoch` is left at a key manager."""
        if node not in self._sent:
            return
        self._gone[node] = max(epoch, self._gone.get(node, 0))
        if self._gone[node] >= self._sent[node]:
            del self._sent[node], self._gone[node]

    def expire(self, now: Instant) -> None:
        """Clear the retired routes whose lease has surely expired."""
        for epoch in [epoch for epoch, at in self.retired.items() if at <= now]:
            for node in self.routes[epoch].all_nodes:
                self.clear(node, epoch)

    def release(self) -> list[int]:
        """Forget the retired routes of which nothing is left, and return their epochs."""
        free = [
            epoch for epoch in self.retired if not any(self._may_hold(n, epoch) for n in self.routes[epoch].all_nodes)
        ]
        for epoch in free:
            del self.routes[epoch], self.retired[epoch]
        return free

    def release_all(self) -> list[int]:
        """Forget every route: the session is over."""
        free = list(self.routes)
        for table in (self.routes, self.retired, self._sent, self._gone):
            table.clear()
        return free

    def unconfirmed(self) -> list[NodeId]:
        """Return the key managers of the newest route that have not confirmed it."""
        return [] if self.route is None else [node for node in self.route.all_nodes if node not in self._confirmed]

    def leavers(self) -> list[tuple[NodeId, int]]:
        """Return the key managers off the newest route that may still hold an older one, and up to which epoch."""
        staying = set() if self.route is None else set(self.route.all_nodes)
        return [(node, epoch) for node, epoch in self._sent.items() if node not in staying]

    def holding(self) -> list[NodeId]:
        """Return the key managers that may hold anything of the session."""
        return list(self._sent)

    def _hold(self, epoch: int, route: Route) -> None:
        self.routes[epoch] = route
        for node in route.all_nodes:
            self._sent[node] = epoch

    def _may_hold(self, node: NodeId, epoch: int) -> bool:
        return node in self._sent and self._gone.get(node, 0) < epoch
