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
NEED_FILE: Final = "need.yaml"
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
NEED: Final = """\
# What somebody needs, for keytwin. Check it with `keytwin check`, make a network of it with `keytwin design`.
# Every quantity has its unit. An unknown word is a mistake, and keytwin says which word you may have meant.
format: 1
name: first
stakeholder: A company with two offices and a laboratory

# A site is the stakeholder's own unless it says whose it is, and wants keys unless it says `endpoint: no`.
sites:
  head-office:
  branch:
  laboratory: {owner: University}

# Fibres that are there or can be had. `relays` says who would run trusted relays along one; without it nobody would.
lines:
  - head-office -- branch:     {length: 9 km, loss: 0.25 dB/km, extra: 1 dB}
  - branch -- laboratory:      {length: 120 km, relays: Operator}
  - head-office -- laboratory: {length: 125 km, relays: Operator}

# Each need has the stakeholder's words, and what would show that it is met. A `must` that is missed rejects a design.
needs:
  N1:
    text: Our offices change their keys once a second.
    priority: must
    measure: key-rate
    at-least: 256 bit every 1 s
    between: [head-office -- branch]
  N2:
    text: The laboratory is reached even while one of the cables is cut.
    priority: must
    measure: key-rate
    at-least: 256 bit every 1 min
    under: cut(1 link)
  N3:
    text: It should not cost more than two million euros.
    priority: should
    measure: cost
    at-most: 2 MEUR

# What the answer rests on may be said too; these are the defaults.
assume: {risk: 1 %, store: 16 Mbit}
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


def init(target: Path, /, *, need: bool = False, options: Topology = AS_USUAL) -> None:
    """Write a first network file: a small one with comments, or a known topology; or a first need file.

    Parameters
    ----------
    target
        A file, whose name ends in .yaml, or a folder, in which `network.yaml` or `need.yaml` is written. Folders are
        made if they are not there. A file that is there is never overwritten.
    need
        Write what somebody needs of a network, instead of a network.
    """
    file = target if target.suffix in SUFFIXES else target / (NEED_FILE if need else NETWORK_FILE)
    _check(target, file)
    if need:
        _write_need(file, options)
        return
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


def _write_need(file: Path, options: Topology) -> None:
    if options.topology is not None:
        raise Mistake("a need names no topology: leave --topology or --need out")
    options.refuse_alone()
    _write(file, NEED)
    show(f"wrote {file}")
    suggest(
        (f"keytwin check {quote(str(file))}", "find mistakes"),
        (f"keytwin design {quote(str(file))}", "make a network of it, and see what it is worth"),
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
