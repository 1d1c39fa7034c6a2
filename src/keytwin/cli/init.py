"""`keytwin init`: a first network file, with a comment wherever a newcomer would ask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from keytwin.cli.output import show, suggest
from keytwin.cli.topology import show_grown, topology_text
from keytwin.cli.values import whole
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import parse_kilometres

if TYPE_CHECKING:
    from keytwin.files.topology_network import Wishes

NETWORK_FILE: Final = "network.yaml"
SUFFIXES: Final = (".yaml", ".yml")
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


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Topology:
    """A known topology to begin with, and what is made of it."""

    topology: Annotated[
        str | None, Parameter(help="Begin with this one, such as sndlib/germany50; examples --topologies lists them.")
    ] = None
    span: Annotated[str | None, Parameter(help="Cut links by trusted nodes into spans no longer than this; 80km.")] = (
        None
    )
    device: Annotated[
        str | None, Parameter(help="Device at all links: a name of the library or a file; generic-decoy-bb84.")
    ] = None
    medium: Annotated[str | None, Parameter(help="Medium of all links: fibre or free-space; fibre.")] = None
    apps: Annotated[
        int | None, Parameter(help="How many apps ask for keys, between far nodes; 3, or fewer.", converter=whole)
    ] = None

    def wishes(self) -> Wishes:
        """Return what was said, with the usual values for what was not; Mistake when a span is no length."""
        from keytwin.files.topology_network import Wishes

        usual = Wishes()
        return Wishes(
            span=usual.span if self.span is None else parse_kilometres(self.span),
            device=usual.device if self.device is None else self.device,
            medium=usual.medium if self.medium is None else self.medium,
            apps=self.apps,
        )

    def refuse_alone(self) -> None:
        """Refuse what is said of a topology where none is named."""
        alone = [key for key in ("span", "device", "medium", "apps") if getattr(self, key) is not None]
        if alone:
            raise Mistake(f"--{alone[0]} is said of a known topology: name one with --topology")


AS_USUAL: Final = Topology()


def init(target: Path, /, *, options: Topology = AS_USUAL) -> None:
    """Write a first network file: a small one with comments, or a known topology with trusted nodes inserted.

    Parameters
    ----------
    target
        A file, whose name ends in .yaml, or a folder, in which `network.yaml` is written. Folders are made if they are
        not there. A file that is there is never overwritten.
    """
    file = target if target.suffix in SUFFIXES else target / NETWORK_FILE
    _check(target, file)
    if options.topology is None:
        options.refuse_alone()
        _write(file, STARTER)
        show(f"wrote {file}")
    else:
        text, grown = topology_text(options.topology, options.wishes(), file)
        _write(file, text)
        show(f"wrote {file}")
        show_grown(grown, options.wishes().span)
    suggest(
        (f"keytwin check {quote(str(file))}", "find mistakes"),
        (f"keytwin run {quote(str(file))}", "let every app ask for keys for a minute"),
    )


def _check(target: Path, file: Path) -> None:
    """Refuse what cannot be written, before anything is made: a refusal leaves no trace."""
    if file != target and target.exists() and not target.is_dir():
        raise Mistake(f"{target} is a file, not a folder: choose another name")
    if file.exists():
        raise Mistake(f"{file} is there already: choose another {_kind(target, file)}, or move it away")


def _kind(target: Path, file: Path) -> str:
    return "name" if file == target else "folder"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
