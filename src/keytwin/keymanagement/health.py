"""Health of a key manager: that it can serve a key, not that its process runs (invariant O4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from keytwin.vocabulary.identity import NodeId
from keytwin.vocabulary.key import DEFAULT_KEY_SIZE, KeyMaterial
from keytwin.vocabulary.machine import Effect, Record, Save, Send
from keytwin.vocabulary.operator_messages import CheckHealth, HealthShown
from keytwin.vocabulary.ports import Entropy
from keytwin.vocabulary.units import Instant, octets, seconds

FRESH: Final = seconds(5)  # who asks more often gets the same proof: a journal is not filled by its watchers


class SyntheticKeyKept(Record, frozen=True, gc=False):
    """A key for nobody went the way of a real one to the disk. Of no use after a restart: it is passed over."""

    material: KeyMaterial


@dataclass(slots=True)
class Health:
    """Makes synthetic keys. They have no identifier, are in no pool and no book, and no SAE can ask for one."""

    node: NodeId
    entropy: Entropy
    shown_at: Instant | None = None

    def on_check_health(self, check: CheckHealth, now: Instant) -> list[Effect]:
        """Make a key, have it durable, then answer: an answer that does not come is what is wrong."""
        shown = Send(check.reply_to, HealthShown(check.request_id, self.node))
        if self.shown_at is not None and 0 <= now - self.shown_at < FRESH:
            return [shown]
        self.shown_at = now
        return [Save(SyntheticKeyKept(KeyMaterial(self.entropy.fill(octets(DEFAULT_KEY_SIZE))))), shown]
