"""What it takes to bring a network up live: which one, where its state and its ports are, and at what speed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from keytwin.operation.sealing import AskPassphrase, no_passphrase
from keytwin.service.operator_values import NetworkStatus
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.errors import Mistake

BASE_PORT: Final = 10_140  # below the ports that systems give to outgoing connections; nothing common listens there
LARGEST_PORT: Final = 65_535
FIRST_FREE_PORT: Final = 1_024  # those below belong to the system
HOST: Final = "127.0.0.1"
LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")
FASTEST: Final = 1_000.0  # beyond it a twin makes more key than stores of the usual size ever hold


class Misbehaviour(StrEnum):
    """What the key faces do wrong on purpose, so that a client can be tried against it."""

    SLOW = "slow"
    EMPTY = "empty"
    WRONG_ID = "wrong-id"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class PortPlan:
    """The ports of a network: of the operator face, two of each node in the order of the network file, of a bus."""

    base: int
    nodes: int
    has_bus: bool = False

    def __post_init__(self) -> None:
        last = 2 * self.nodes + self.has_bus
        if not FIRST_FREE_PORT <= self.base <= LARGEST_PORT - last:
            raise Mistake(
                f"base port {self.base}: {self.nodes} nodes take {last + 1} ports, so the first is from "
                f"{FIRST_FREE_PORT} to {LARGEST_PORT - last}"
            )

    @property
    def bus(self) -> int:
        """The port of the bus between processes."""
        assert self.has_bus
        return self.base + 2 * self.nodes + 1

    @property
    def operator(self) -> int:
        """The port of the operator face."""
        return self.base

    def face(self, index: int) -> int:
        """Return the port at which a node's key manager serves SAEs; the first node has index 0."""
        assert 0 <= index < self.nodes
        return self.base + 1 + 2 * index

    def link(self, index: int) -> int:
        """Return the port at which a node's key manager hears its neighbours and twins."""
        return self.face(index) + 1

    @property
    def all(self) -> tuple[int, ...]:
        """Every port of the plan."""
        return tuple(range(self.base, self.base + 2 * self.nodes + 1 + self.has_bus))


@dataclass(frozen=True, slots=True)
class BroughtAuthority:
    """An authority of the operator's own, as the issuing one: its certificate and key, both PEM."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class UpSettings:
    """What `serve` is to bring up; Mistake when it cannot be."""

    blueprint: Blueprint
    state: Path  # the folder of its state, as `whereabouts.state_of` chooses it
    speed: float = 1.0  # of the twins' clock only
    base_port: int = BASE_PORT
    host: str = HOST  # where the faces listen: stands in URLs and, beside those of the loopback, in certificates
    misbehaviour: Misbehaviour | None = None
    authority: BroughtAuthority | None = None  # None: the network makes its own
    seals: bool = False  # at its first start, put the journal under a passphrase
    token: str = ""  # or under the key in hardware that this URI names
    ask_passphrase: AskPassphrase = no_passphrase
    port_004: int | None = None  # the first of those for the binary binding of ETSI GS QKD 004; None: it has none
    has_processes: bool = False  # whether each key manager, and control, has a process of its own

    def __post_init__(self) -> None:
        if not 0 < self.speed <= FASTEST:
            raise Mistake(f"speed {self.speed:g}: twins run from above 0 to {FASTEST:g} times as fast as they would")
        if not self.host or any(each.isspace() or each in "/@[]" for each in self.host):
            raise Mistake(f"host {self.host!r}: give a name or an address, such as localhost or 192.0.2.1")
        if (self.seals or self.token) and self.has_processes:
            raise Mistake("a sealed journal is of one process: leave out --sealed and --sealed-by, or --processes")
        if self.seals and self.token:
            raise Mistake("a journal is under a passphrase or a token: leave out --sealed or --sealed-by")
        _ = self.ports  # checks them
        self._check_binary_ports()

    @property
    def ports(self) -> PortPlan:
        """The ports of this network."""
        return PortPlan(self.base_port, len(self.blueprint.topology.nodes), has_bus=self.has_processes)

    def binary_port(self, index: int) -> int | None:
        """Return the port at which a node speaks the binary binding of ETSI GS QKD 004, if it does."""
        return None if self.port_004 is None else self.port_004 + index

    @property
    def all_ports(self) -> tuple[int, ...]:
        """Every port that the network listens at."""
        return self.ports.all if self.port_004 is None else (*self.ports.all, *self._binary_ports)

    @property
    def _binary_ports(self) -> range:
        first = 0 if self.port_004 is None else self.port_004
        return range(first, first + len(self.blueprint.topology.nodes))

    def _check_binary_ports(self) -> None:
        if self.port_004 is None:
            return
        wanted = self._binary_ports
        if not FIRST_FREE_PORT <= wanted.start < wanted.stop <= LARGEST_PORT + 1:
            raise Mistake(f"port {self.port_004}: {len(wanted)} nodes take as many ports from it on, one each")
        if set(wanted) & set(self.ports.all):
            raise Mistake(f"port {self.port_004}: ports from there on are among those from {self.base_port} on")

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names under which those that serve are reached, as their certificates have them."""
        return tuple(dict.fromkeys((*LOOPBACK_NAMES, self.host)))

    def url(self, port: int) -> str:
        """Return the URL of a face."""
        return f"https://{bracketed(self.host)}:{port}"


@dataclass(frozen=True, slots=True)
class Ready:
    """What `serve` tells when every face accepts: the network as the operator face shows it."""

    status: NetworkStatus


def bracketed(host: str) -> str:
    """Return a host as it stands in a URL: an address of IPv6 in brackets (RFC 3986 clause 3.2.2)."""
    try:
        return f"[{host}]" if ip_address(host).version == 6 else host
    except ValueError:  # a name
        return host
