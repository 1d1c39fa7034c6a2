"""Between key managers and the central point that sums up announcements: ITU-T Y.3802 centralised relay (recalled).

They travel over the bus, for none of them tells anything of a key. Announcements are named by one-time tags: that of
the relay message a node took, and that of the one it sent on. So the way of one batch, or of one share of it, is a
chain, and no node need know more of it than its neighbours.
"""

from __future__ import annotations

from keytwin.vocabulary.identity import NodeId
from keytwin.vocabulary.machine import Message


class XorAnnounced(Message, frozen=True, gc=False):
    """A node between tells how the keys of two of its links differ: `xor` is the one XOR the other."""

    node: NodeId
    came: bytes
    went: bytes
    xor: bytes


class AskSum(Message, frozen=True, gc=False):
    """The far end asks for the sum of the `number` announcements that lead to the message with the tag `went`."""

    node: NodeId
    went: bytes
    number: int


class XorSummed(Message, frozen=True, gc=False):
    """The point tells the sum: how the key of the first link differs from that of the last."""

    went: bytes
    xor: bytes
