"""`keytwin init`: a first network file, with a comment wherever a newcomer would ask."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Final

from keytwin.cli.output import show, suggest
from keytwin.vocabulary.errors import Mistake

NETWORK_FILE: Final = "network.yaml"
STARTER: Final = """\
# A network of four nodes for keytwin. Check it with `keytwin check`, run it with `keytwin run`.
# Every quantity has its unit. An unknown word is a mistake, and keytwin says which word you may have meant.
format: 1
name: first
about: Three nodes in a ring, and a fourth that depends on a single link

defaults:
  # The devices that keytwin knows are listed by `keytwin examples`. `loss` is the attenuation of the fibre.
  link: {device: generic-decoy-bb84, medium: fibre, length: 20 km, loss: 0.2 dB/km}

# Each node has a key manager and is trusted to relay the keys of others.
nodes: {north: , east: , west: , south: }

# A link joins two nodes. What differs from the defaults is written behind it.
links:
  - north -- east
  - north -- west
  - east -- west: {length: 12 km}
  - west -- south

# A service level: priority 0 is served first; `rate` is the average of a session, `burst` what it may take at once.
slas:
  gold: {priority: 0, rate: 16 kbit/s, burst: 64 kbit}
  bronze: {priority: 3, rate: 1 kbit/s, burst: 16 kbit}

# A user owns apps; `quota` bounds the sum of the rates of its sessions, none = unlimited.
users:
  alice: {sla: gold, quota: 64 kbit/s}
  bob: {sla: bronze}

# An app is a pair of applications (SAEs) that want keys in common, and the nodes that serve them.
apps:
  backup: {user: alice, saes: {backup-a: north, backup-b: east}}
  voice: {user: bob, saes: {voice-a: north, voice-b: south}}  # relayed by west

# Everything below may be left out; these are some of the defaults.
control:
  routing: {metric: hops, k_paths: 3}
  admission: {peer_timeout: 60 s, inactivity_timeout: 10 min}
"""


def init(folder: Path, /) -> None:
    """Write a first network file with comments to start from.

    Parameters
    ----------
    folder
        Where `network.yaml` is written; made if it is not there. A file that is there is never overwritten.
    """
    target = folder / NETWORK_FILE
    # Checked before anything is made, so that a refusal leaves no trace.
    if folder.exists() and not folder.is_dir():
        raise Mistake(f"{folder} is a file, not a folder: choose another name")
    if target.exists():
        raise Mistake(f"{target} is there already: choose another folder, or move it away")
    folder.mkdir(parents=True, exist_ok=True)
    target.write_text(STARTER, encoding="utf-8")
    show(f"wrote {target}")
    suggest(
        (f"keytwin check {quote(str(target))}", "find mistakes"),
        (f"keytwin run {quote(str(target))}", "let every app ask for keys for a minute"),
    )
