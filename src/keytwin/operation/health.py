"""Whether key managers are able to serve: each is asked, again and again, for a key that is of no use to anybody.

Alive is not able (invariant O4): such a key takes the same way as any other, through the key manager, its journal and
back, so a disk that hangs or a key manager that crashes shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Final

from keytwin.operation.network_view import Elements
from keytwin.runtime.live import FACE_PREFIX
from keytwin.service.conversation import Question
from keytwin.vocabulary.identity import ElementName, NodeId, km_of
from keytwin.vocabulary.machine import Message, RequestId
from keytwin.vocabulary.operator_messages import CheckHealth, HealthShown
from keytwin.vocabulary.units import Duration, Instant, seconds

PERIOD: Final = seconds(10)  # between two rounds of questions
STALE: Final = seconds(25)  # without a good answer: two rounds went wrong, or none came
REPLY_TO: Final = ElementName(f"{FACE_PREFIX}health")


@dataclass(slots=True)
class Health:
    """The newest good answer of each key manager."""

    live: Elements
    seen: dict[NodeId, Instant] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=count)
    _open: dict[NodeId, RequestId] = field(default_factory=dict)

    def ask(self, nodes: Iterable[NodeId]) -> None:
        """Ask every key manager once more; one that has not answered the last time is asked anew."""
        for node in nodes:
            if node in self._open:
                self.live.forget(self._open[node])
            request_id = self._open[node] = f"health/{next(self._numbers)}"
            question = Question(km_of(node), CheckHealth(request_id, REPLY_TO))
            self.live.ask(question, partial(self._answered, node))

    def lost(self, node: NodeId) -> None:
        """Take what a key manager has answered for nothing any more: its process has died."""
        self.seen.pop(node, None)

    def is_good(self, node: NodeId) -> bool:
        """Whether a key manager has handed out such a key not long ago."""
        seen = self.seen.get(node)
        return seen is not None and Duration(self.live.clock.now() - seen) < STALE

    def _answered(self, node: NodeId, reply: Message) -> None:
        self._open.pop(node, None)
        if isinstance(reply, HealthShown):
            self.seen[node] = self.live.clock.now()
