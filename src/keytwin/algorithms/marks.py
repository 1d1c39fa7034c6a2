"""Marks: by what the end of a session knows the node at the other end when it shows itself, without its name."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from keytwin.vocabulary.identity import Ksid, NodeId

MARK_OCTETS: Final = 16


def node_mark(ksid: Ksid, node: NodeId) -> bytes:
    """Return the first 16 octets of the SHA-256 digest of a session and a node."""
    return hashlib.sha256(msgspec.msgpack.encode((ksid, node))).digest()[:MARK_OCTETS]
