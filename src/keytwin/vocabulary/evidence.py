"""What the running half hands back of a run: the accounts, the answers, the verdict on the scenario's expectations."""

from __future__ import annotations

import msgspec

from keytwin.vocabulary.identity import AppId, LinkId, NodeId
from keytwin.vocabulary.units import Bits, Duration, Instant


class LinkAccount(msgspec.Struct, frozen=True):
    """One key manager's books of one direction of a link, in octets. They close: see `balance` (invariant P5)."""

    node: NodeId
    link: LinkId
    sender: NodeId  # the direction is out of this node
    ingested: int = 0
    delivered: int = 0  # cut as end-to-end key
    pad: int = 0
    tag: int = 0  # tag keys of relay messages and probes, digests of blocks
    wasted: int = 0  # abandoned: skipped, lost or of an ended link epoch
    stored: int = 0
    expired: int = 0
    discarded: int = 0  # the store was full, or the copies differed

    @property
    def balance(self) -> int:
        """Ingested less everything that became of it: always 0."""
        spent = self.delivered + self.pad + self.tag + self.wasted + self.expired + self.discarded
        return self.ingested - spent - self.stored


class KeyAccount(msgspec.Struct, frozen=True):
    """One key manager's books of end-to-end keys, in keys. They close: see `balance`."""

    node: NodeId
    made: int = 0  # here, as master end
    taken: int = 0  # from the other end, as slave end
    delivered: int = 0
    voided: int = 0
    expired: int = 0
    released: int = 0  # wiped because their session ended
    stored: int = 0  # ready, or on the way

    @property
    def balance(self) -> int:
        """Made and taken less everything that became of them: always 0."""
        return self.made + self.taken - (self.delivered + self.voided + self.expired + self.released + self.stored)


class AppEvidence(msgspec.Struct, frozen=True):
    """What one app got, in keys: pairs = received at both ends; `equal` of them were identical at both.

    `refused` were refused for good, `unanswered` were still waited for when the run ended. `hops` are those of the
    newest route.
    """

    app: AppId
    asked: int
    pairs: int
    equal: int
    refused: int
    key_size: Bits
    hops: int
    opened_after: Duration | None  # from the first open to the first end operative
    first_answer: Instant | None
    last_answer: Instant | None
    wait_median: Duration | None  # of a master's request
    wait_p99: Duration | None
    ended: str = ""  # why, when the session is over
    unanswered: int = 0
    throttled: int = 0  # times that a request was put off, the granted rate being used up


class Evidence(msgspec.Struct, frozen=True):
    """One run of a network."""

    name: str
    seed: int
    duration: Duration
    messages: int
    apps: tuple[AppEvidence, ...]
    links: tuple[LinkAccount, ...]
    keys: tuple[KeyAccount, ...]
    notices: tuple[str, ...] = ()  # what the operator is told: refusals explained, alarms, violations
    failures: tuple[str, ...] = ()  # expectations that were not met

    @property
    def pairs(self) -> int:
        """Keys received at both ends, over all apps."""
        return sum(app.pairs for app in self.apps)

    @property
    def equal(self) -> int:
        """Those of them that were identical at both."""
        return sum(app.equal for app in self.apps)
