"""The metadata of a chunk: ETSI GS QKD 004 V2.1.1 Table 3, and members of our own after it."""

from __future__ import annotations

from typing import Final

import msgspec

from keytwin.service.origin import told_of
from keytwin.vocabulary.key import Provenance
from keytwin.vocabulary.stream_messages import LARGEST
from keytwin.vocabulary.units import Duration, milliseconds

VENDOR: Final = "keytwin_"


def metadata_of(provenance: Provenance, age: Duration) -> bytes:
    """Return the JSON: `age` in ms, `hops` = trusted nodes on the way, then whatever else is told of a key's origin.

    A provenance counts Q-links; a chunk that crossed one has visited no node in between.
    """
    told = {f"{VENDOR}{name}": value for name, value in told_of(provenance).items() if name != "hops"}
    hops = max(0, provenance.hops - 1)
    return msgspec.json.encode({"age": min(LARGEST, age // milliseconds(1)), "hops": hops, **told})
